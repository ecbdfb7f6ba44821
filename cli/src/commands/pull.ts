// pull: writes the workflows of the database into the folder, as TypeScript or JSON. It does not overwrite work of the folder.
import { existsSync } from 'node:fs';
import { extname, join } from 'node:path';
import { decompile } from '../../../sdk/src/workflow/index.ts';
import { requireTarget } from '../caller.ts';
import type { Context, Result } from '../context.ts';
import { CliError, EXIT, usage } from '../errors.ts';
import { writeObject, writeText } from '../files.ts';
import {
  chosenKinds,
  comparedLines,
  compareKinds,
  type KindComparison,
} from '../resources/compare.ts';
import * as resources from '../resources/pull.ts';
import { type Comparison, compare } from '../workflows/compare.ts';
import { hashOf } from '../workflows/content.ts';
import { chosen, type LocalWorkflow, pathIn, requireWorkflows } from '../workflows/local.ts';
import { State } from '../workflows/state.ts';
import type { StoredWorkflow } from '../workflows/stored.ts';
import { comparisonLines, type Only, scopeOf } from './diff.ts';

export interface PullOptions {
  format?: 'ts' | 'json';
  published?: boolean;
  force?: boolean;
  only?: Only;
}

interface Pulled {
  workflow: string;
  action: 'unchanged' | 'written' | 'only_in_git';
  file: string;
}

export async function pull(
  context: Context,
  names: readonly string[],
  { format, published = false, force = false, only }: PullOptions,
): Promise<Result> {
  const { project, target } = context;
  const all = only === undefined || only === 'workflows' ? await requireWorkflows(project) : [];
  await requireTarget(context);
  const state = new State(project, target);
  const local = all.filter(({ kebab_name }) => names.length === 0 || names.includes(kebab_name));
  const which = published ? 'published' : 'newest';
  const compared = await compare(context, local, { names: scopeOf(names, only), which });
  for (const name of names) {
    const one = compared.find((found) => found.name === name);
    if (one?.stored === undefined) chosen([], [name], target.name);
  }
  const kinds = await compareKinds(context, chosenKinds(names, only));
  if (!force) refuseLoss(context, compared, kinds, state);
  const files = new Map<string, string>();
  for (const { name, local: one, stored } of compared) {
    if (stored !== undefined) files.set(name, fileFor(context, name, one, all, format));
  }
  const pulled: Pulled[] = compared.map(({ name, status, local: one, stored }) => {
    const path = files.get(name);
    if (stored === undefined || path === undefined) {
      return { workflow: name, action: 'only_in_git', file: one?.file ?? '' };
    }
    const isSameFile = one !== undefined && join(project.folder, '..', one.file) === path;
    const isUnchanged = status === 'equal' && isSameFile;
    if (!isUnchanged) write(path, stored);
    state.note(name, hashOf(stored));
    return {
      workflow: name,
      action: isUnchanged ? 'unchanged' : 'written',
      file: pathIn(project, path),
    };
  });
  const others = kinds.map((one) => [one.kind, resources.pullKind(context, one, format)] as const);
  const rows = others.flatMap(([{ singular }, list]) =>
    list.map(({ key, action, file }) => `${singular} ${key}  ${TEXTS[action]} ${file}`),
  );
  return {
    data: {
      link: target.name,
      workflows: pulled,
      ...Object.fromEntries(
        others.map(([{ plural, singular }, list]) => [
          plural,
          list.map(({ key, ...rest }) => ({ [singular]: key, ...rest })),
        ]),
      ),
    },
    lines:
      pulled.length + rows.length === 0
        ? [`${target.name} has nothing to pull.`]
        : [
            ...pulled.map(({ workflow, action, file }) => `${workflow}  ${TEXTS[action]} ${file}`),
            ...rows,
          ],
  };
}

/** Stops before a change of a file is overwritten that the link has not seen. */
function refuseLoss(
  context: Context,
  compared: readonly Comparison[],
  kinds: readonly KindComparison[],
  state: State,
): void {
  const { out, target } = context;
  const changed = compared.filter((one) => isChangedHere(one, state));
  const rows = kinds.flatMap((one) =>
    one.compared
      .filter((row) => resources.isChangedHere(context, one, row))
      .map((row) => ({ kind: one.kind, row })),
  );
  if (changed.length + rows.length === 0) return;
  if (!out.json) {
    for (const one of changed) for (const line of comparisonLines(out, one, state)) out.note(line);
    for (const { kind, row } of rows) {
      for (const line of comparedLines(out, kind, row)) out.note(line);
    }
  }
  const names = [
    ...changed.map(({ name }) => name),
    ...rows.map(({ kind, row }) => `${kind.singular} ${row.key}`),
  ];
  throw new CliError(
    EXIT.drift,
    'drift',
    `The folder has changes that are not in ${target.name}: ${names.join(', ')}`,
    { hint: 'Push them with `stepbase push`, or overwrite them with --force.' },
  );
}

const TEXTS = {
  unchanged: 'is unchanged:',
  written: 'written:',
  only_in_git: 'is only in git:',
} as const;

/** Whether the file has changes that the link has not seen. A file that was never exchanged may hold such changes. */
function isChangedHere({ name, status, local }: Comparison, state: State): boolean {
  return status === 'changed' && local !== undefined && state.hash(name) !== hashOf(local);
}

function fileFor(
  { project }: Context,
  name: string,
  local: LocalWorkflow | undefined,
  all: readonly LocalWorkflow[],
  format: 'ts' | 'json' | undefined,
): string {
  if (local === undefined) {
    const path = join(project.workflows, `${name}.${format ?? 'ts'}`);
    if (!existsSync(path)) return path;
    throw usage(
      'file_exists',
      `${pathIn(project, path)} exists and holds another workflow`,
      'Rename the file.',
    );
  }
  const { file } = local;
  const others = all.filter((one) => one.file === file && one.kebab_name !== name);
  if (others.length === 0) return join(project.folder, '..', file);
  const list = others.map(({ kebab_name }) => kebab_name).join(', ');
  throw usage(
    'file_shared',
    `${file} holds ${name} and ${list}; a pull would delete the others`,
    'Put each workflow into a file of its own.',
  );
}

/** The name that the server gives to a workflow without one. */
const defaultName = (name: string): string =>
  name.replaceAll('-', ' ').replaceAll(/\b[a-z]/g, (letter) => letter.toUpperCase());

function write(path: string, stored: StoredWorkflow): void {
  const { kebab_name, definition, input_schema, output_schema } = stored;
  const name = stored.name === defaultName(kebab_name) ? {} : { name: stored.name ?? '' };
  const description = stored.description ? { description: stored.description } : {};
  const schemas = { input_schema, ...(output_schema === null ? {} : { output_schema }) };
  const workflow = { kebab_name, ...name, ...description, definition, ...schemas };
  if (extname(path) === '.json') writeObject(path, workflow);
  else writeText(path, decompile(workflow));
}
