// The workflows of the folder: modules whose exports are made with defineWorkflow, and JSON files.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, extname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isObject } from '../../../sdk/src/workflow/json.ts';
import { CliError, EXIT, usage } from '../errors.ts';
import { readText } from '../files.ts';
import type { Project } from '../project.ts';
import type { Described } from './content.ts';

export interface LocalWorkflow extends Described {
  /** Relative to the folder above `stepbase`. */
  file: string;
}

export interface LocalFault {
  file: string;
  /** Of the file. */
  line?: number;
  workflow?: string;
  code: string;
  message: string;
  hint?: string;
}

export interface LocalWorkflows {
  workflows: LocalWorkflow[];
  faults: LocalFault[];
}

export const FILE = /(?<!\.d)\.(?:ts|mts|js|mjs|json)$/;
const NAME = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;

export const pathIn = (project: Project, path: string): string =>
  relative(join(project.folder, '..'), path);

/** All workflows of the folder, and what is wrong with its files. */
export async function readWorkflows(project: Project): Promise<LocalWorkflows> {
  const found: LocalWorkflows = { workflows: [], faults: [] };
  if (!existsSync(project.workflows)) return found;
  const files = readdirSync(project.workflows, { withFileTypes: true })
    .filter((entry) => entry.isFile() && FILE.test(entry.name))
    .map(({ name }) => name)
    .sort();
  for (const name of files) {
    const path = join(project.workflows, name);
    const file = pathIn(project, path);
    try {
      const workflows =
        extname(name) === '.json' ? [readJson(path)] : await importWorkflows(path, file);
      found.workflows.push(...workflows.map((one) => ({ ...one, file })));
    } catch (error) {
      found.faults.push(faultOf(error, file));
    }
  }
  found.faults.push(...found.workflows.flatMap(structureFaults), ...repeated(found.workflows));
  return found;
}

/** As readWorkflows; throws if a file has a fault. With names, only these workflows. */
export async function requireWorkflows(
  project: Project,
  names: readonly string[] = [],
): Promise<LocalWorkflow[]> {
  const { workflows, faults } = await readWorkflows(project);
  refuseFaults(faults);
  return chosen(workflows, names, project.workflows);
}

export function refuseFaults(faults: readonly LocalFault[]): void {
  const [first] = faults;
  if (first === undefined) return;
  const more = faults.length === 1 ? '' : ` (and ${faults.length - 1} more)`;
  throw new CliError(EXIT.usage, first.code, `${first.file}: ${first.message}${more}`, {
    hint: first.hint ?? 'Run `stepbase validate --local` for all faults.',
    details: { faults },
  });
}

/** The workflows with these names, in their order; without names, all of them. */
export function chosen<One extends { kebab_name: string }>(
  all: readonly One[],
  names: readonly string[],
  where: string,
): One[] {
  if (names.length === 0) return [...all];
  return names.map((name) => {
    const one = all.find(({ kebab_name }) => kebab_name === name);
    if (one !== undefined) return one;
    throw usage('unknown_workflow', `There is no workflow ${name} in ${where}`);
  });
}

function readJson(path: string): Described {
  let value: unknown;
  try {
    value = JSON.parse(readText(path) ?? '');
  } catch (error) {
    throw usage('invalid_json', `The file is not JSON: ${(error as Error).message}`);
  }
  const name = basename(path, '.json');
  if (isObject(value) && Array.isArray(value.nodes)) {
    return described({ kebab_name: name, definition: value });
  }
  if (isObject(value) && isObject(value.definition)) {
    return described({ kebab_name: name, ...value });
  }
  throw usage(
    'no_workflow',
    'The file must contain {"definition": {"nodes": […], "edges": […]}} or a definition',
  );
}

/** What a module exports. */
export async function importModule(path: string): Promise<Record<string, unknown>> {
  // A module is imported once for each address: another one for each state of the file.
  return await import(`${pathToFileURL(path).href}?${statSync(path).mtimeMs}`);
}

async function importWorkflows(path: string, file: string): Promise<Described[]> {
  const exports = await importModule(path);
  const found = new Set(
    Object.values(exports).filter(
      (value) => isObject(value) && isObject(value.definition) && 'kebab_name' in value,
    ),
  );
  if (found.size > 0) return [...found].map((value) => described(value as object));
  throw usage(
    'no_workflow',
    'The module exports no workflow',
    `Export the result of defineWorkflow from ${file}, or move the module into another folder.`,
  );
}

function described(value: object): Described {
  const { kebab_name, name, description, definition, input_schema, output_schema } =
    value as Described;
  // As the server gets it: without the members that are undefined.
  return JSON.parse(
    JSON.stringify({
      kebab_name,
      name,
      description,
      definition,
      input_schema: input_schema ?? null,
      output_schema: output_schema ?? null,
    }),
  ) as Described;
}

export function faultOf(error: unknown, file: string): LocalFault {
  const line = lineOf(error, file);
  return { ...withoutLine(error, file), ...(line === undefined ? {} : { line }) };
}

/** Where in the file an error was thrown, or its text cannot be parsed. */
function lineOf(error: unknown, file: string): number | undefined {
  const { stack = '' } = error as Partial<Error>;
  const name = basename(file).replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const found = new RegExp(`${name}(?:\\?[\\d.]+)?:(\\d+)`).exec(stack)?.[1];
  return found === undefined ? undefined : Number(found);
}

function withoutLine(error: unknown, file: string): LocalFault {
  if (error instanceof CliError) {
    const { code, message, hint } = error;
    return { file, code, message, ...(hint === undefined ? {} : { hint }) };
  }
  const { code, message, name } = error as Partial<Error> & { code?: string };
  const text = message ?? String(error);
  // The class is that of the project's own copy of the SDK.
  if (name === 'DefinitionError')
    return { file, code: code ?? 'invalid_definition', message: text };
  if (code === 'ERR_MODULE_NOT_FOUND') {
    const missing = /Cannot find package '(\w[\w-]*|@[\w-]+\/[\w-]+)/.exec(text)?.[1];
    return {
      file,
      code: 'module_not_found',
      message: text,
      ...(missing === undefined ? {} : { hint: `Run \`npm install ${missing}\`.` }),
    };
  }
  // npm init writes "type": "commonjs", which TypeScript files follow, too.
  const isScript = /outside a module|Unexpected token 'export'/.test(text);
  return {
    file,
    code: 'import_failed',
    message: text,
    ...(isScript ? { hint: 'Run `npm pkg set type=module`.' } : {}),
  };
}

/** What the server refuses to save; it finds everything else. */
function structureFaults({ file, kebab_name, definition }: LocalWorkflow): LocalFault[] {
  const faults: LocalFault[] = [];
  const add = (code: string, message: string) =>
    faults.push({ file, workflow: kebab_name, code, message });
  if (typeof kebab_name !== 'string' || !NAME.test(kebab_name) || kebab_name.length > 100) {
    add('invalid_request', `the name ${kebab_name} must be in kebab-case, such as order-shipping`);
  }
  const { nodes, edges } = definition;
  if (!Array.isArray(nodes) || !Array.isArray(edges)) {
    add('not_an_object', 'the definition must have lists of nodes and edges');
    return faults;
  }
  const ids = nodes.map(({ id }) => id);
  for (const id of twice(ids)) add('duplicate_node', `two steps have the id ${id}`);
  for (const { id, source, target } of edges) {
    for (const end of [source, target]) {
      if (!ids.includes(end)) add('unknown_node', `edge ${id}: there is no step ${end}`);
    }
  }
  return faults;
}

const twice = <T>(all: readonly T[]): Set<T> =>
  new Set(all.filter((one, index) => all.indexOf(one) !== index));

function repeated(workflows: readonly LocalWorkflow[]): LocalFault[] {
  return [...twice(workflows.map(({ kebab_name }) => kebab_name))].map((name) => {
    const files = workflows.filter(({ kebab_name }) => kebab_name === name);
    return {
      file: files.at(-1)?.file ?? '',
      workflow: name,
      code: 'duplicate_workflow',
      message: `workflow ${name} is also in ${files[0]?.file}`,
    };
  });
}
