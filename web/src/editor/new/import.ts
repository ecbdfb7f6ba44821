// Reads a workflow from JSON: a definition, an exported workflow, or the copy of steps from the editor.
import {
  type Definition,
  definitionFault,
  isObject,
  type JsonObject,
} from '../model/definition.ts';

export interface NewWorkflow {
  name: string;
  kebabName: string;
  description: string;
  definition: Definition;
  inputSchema: JsonObject | null;
  outputSchema: JsonObject | null;
}

/** `Refund approval` as `refund-approval`. */
export const kebabOf = (name: string): string =>
  name
    .normalize('NFKD')
    .replaceAll(/\p{Mark}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 100)
    .replace(/-+$/, '');

const text = (value: unknown) => (typeof value === 'string' ? value : '');

/** Throws an Error that says what is wrong. */
export function importWorkflow(parsed: unknown): NewWorkflow {
  if (!isObject(parsed)) throw new Error('The text is not a JSON object.');
  const definition = parsed.definition ?? parsed;
  const fault = definitionFault(definition);
  if (fault !== undefined) throw new Error(fault);
  const isWhole = parsed.definition !== undefined;
  const schemaIn = (schema: unknown) => (isWhole && isObject(schema) ? schema : null);
  const kebabName = isWhole ? text(parsed.kebab_name) : '';
  return {
    kebabName,
    name: isWhole ? text(parsed.name) || kebabName : '',
    description: isWhole ? text(parsed.description) : '',
    definition: definition as Definition,
    inputSchema: schemaIn(parsed.input_schema),
    outputSchema: schemaIn(parsed.output_schema),
  };
}
