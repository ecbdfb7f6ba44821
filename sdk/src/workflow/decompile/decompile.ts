// decompile: writes a stored version as TypeScript that compiles to the same JSON.

import { isObject } from '../json.ts';
import { type Doc, jsonLiteral, member, object, print, stringLiteral } from './print.ts';
import { type Program, programOf, type StoredWorkflow, shapeCode } from './program.ts';
import { connectionDoc, returnDoc, schemaDoc, stepDoc } from './statements.ts';

export type { StoredWorkflow } from './program.ts';

/** The options of `decompile`. */
export interface DecompileOptions {
  /** Where the code imports from; stepbase/workflow by default. */
  readonly module?: string;
}

/** TypeScript source with the workflow as its default export; throws a DefinitionError for a draft that no code compiles to. */
export function decompile(
  workflow: StoredWorkflow,
  { module = 'stepbase/workflow' }: DecompileOptions = {},
): string {
  const program = programOf(workflow);
  const statements = statementsOf(program);
  const body = statements.length === 0 ? '' : `\n${statements.join('\n')}\n`;
  const build = `${statements.length === 0 ? '()' : '(w)'} => {${body}}`;
  const start = `export default defineWorkflow(${stringLiteral(workflow.kebab_name)}, `;
  const options = print(optionsDoc(program), 0, start.length, ', (w) => {'.length);
  const imports = [...program.imports].sort().join(', ');
  return `import { ${imports} } from ${stringLiteral(module)};\n\n${start}${options}, ${build});\n`;
}

/** The statement of a step names the step if another one uses it, so all are written before they are printed. */
function statementsOf(program: Program): string[] {
  const steps = program.nodes.map((node) => {
    const doc = stepDoc(program, node);
    program.declared.add(node.id);
    return { id: node.id, doc };
  });
  const connections = program.edges.connections.map((one) => connectionDoc(program, one));
  const ends = returnDoc(program);
  return [
    ...steps.map(({ id, doc }) =>
      statement(doc, program.used.has(id) ? `const ${program.variables.get(id)} = ` : ''),
    ),
    ...connections.map((doc) => statement(doc)),
    ...(ends === undefined ? [] : [statement(ends, 'return ')]),
  ];
}

const statement = (doc: Doc, start = ''): string =>
  `  ${start}${print(doc, 2, 2 + start.length, 1)};`;

function optionsDoc(program: Program): Doc {
  const { name, description, input_schema, output_schema, definition } = program.workflow;
  const { nodes: _nodes, edges: _edges, ...canvas } = definition;
  const text = (key: string, value: unknown) =>
    typeof value === 'string' ? [member(key, stringLiteral(value))] : [];
  const input = isObject(input_schema)
    ? [member('input', schemaDoc(program, input_schema))]
    : program.input.members.size === 0
      ? []
      : [member('input', shapeCode(program, program.input))];
  return object([
    ...text('name', name),
    ...text('description', description),
    ...input,
    ...(isObject(output_schema) ? [member('output', schemaDoc(program, output_schema))] : []),
    ...(program.places === undefined ? [member('layout', 'false')] : []),
    ...(Object.keys(canvas).length === 0 ? [] : [member('canvas', jsonLiteral(canvas))]),
  ]);
}
