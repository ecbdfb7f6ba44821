// types: writes the types of the workflows for createStepbase.
import type { Command } from 'commander';
import { type Context, mapSome, type Result } from '../context.ts';
import { EXIT } from '../errors.ts';
import { readText, writeText } from '../files.ts';
import type { Act } from '../program.ts';
import { type TypedWorkflow, workflowsFile } from '../types/workflows.ts';
import { pathIn, requireWorkflows } from '../workflows/local.ts';
import { listWorkflows, publishedVersion, type WorkflowRow } from '../workflows/stored.ts';
import { count } from './validate.ts';

interface TypesOptions {
  out?: string;
  local?: boolean;
  check?: boolean;
}

export function addTypesCommand(program: Command, act: Act): void {
  program
    .command('types')
    .summary('write the types of the workflows')
    .description(
      'Writes an interface Workflows with the inputs, outputs, signals and queries of the published workflows, for createStepbase<Workflows>.',
    )
    .option('-o, --out <file>', 'default: stepbase/types.ts')
    .option('--local', 'of the workflows of the folder, without a server')
    .option('--check', 'write nothing; the exit code is 1 if the file would change')
    .action(act((context, options: TypesOptions) => types(context, options)));
}

async function types(context: Context, { out, local, check }: TypesOptions): Promise<Result> {
  const { project } = context;
  const path = out === undefined ? `${project.folder}/types.ts` : context.path(out);
  const file = pathIn(project, path);
  const workflows = local === true ? await localTypes(context) : await storedTypes(context);
  const text = workflowsFile(workflows);
  const isCurrent = readText(path) === text;
  if (check === true) {
    return {
      data: { file, current: isCurrent },
      lines: [isCurrent ? `${file} is current.` : `${file} differs: run \`stepbase types\`.`],
      exit: isCurrent ? EXIT.ok : EXIT.no,
    };
  }
  if (!isCurrent) writeText(path, text);
  const names = workflows.map(({ kebab_name }) => kebab_name);
  return {
    data: { file, changed: !isCurrent, workflows: names },
    lines: [`${file} ${isCurrent ? 'is current' : 'written'}: ${count(names.length, 'workflow')}.`],
  };
}

async function localTypes({ project }: Context): Promise<TypedWorkflow[]> {
  const workflows = await requireWorkflows(project);
  const none = { signals: new Map(), queries: [] };
  return workflows
    .map((one) => ({ ...one, ...none }))
    .sort((a, b) => (a.kebab_name < b.kebab_name ? -1 : 1));
}

interface SignalRow {
  workflow_id: string;
  signal_name: string;
  parameters: object | null;
}

interface QueryRow {
  workflow_id: string;
  query_name: string;
}

async function storedTypes({ server, out }: Context): Promise<TypedWorkflow[]> {
  const [all, signals, queries] = await Promise.all([
    listWorkflows(server),
    server.list<SignalRow>('/v1/workflow-signals'),
    server.list<QueryRow>('/v1/workflow-queries'),
  ]);
  const rows = all.filter(({ status }) => status !== 'archived');
  const typed = await mapSome(rows, async (row: WorkflowRow, index) => {
    out.progressOf(index + 1, rows.length, row.kebab_name);
    const version = await publishedVersion(server, row);
    if (version === undefined) return undefined;
    const own = signals.filter(({ workflow_id }) => workflow_id === row.id);
    return {
      ...version,
      kebab_name: row.kebab_name,
      signals: new Map(own.map(({ signal_name, parameters }) => [signal_name, parameters])),
      queries: queries
        .filter(({ workflow_id }) => workflow_id === row.id)
        .map(({ query_name }) => query_name),
    };
  });
  return typed.filter((one) => one !== undefined);
}
