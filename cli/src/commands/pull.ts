// pull: writes the workflows of the database into the folder, as TypeScript or JSON. It does not overwrite work of the folder.
import { existsSync } from 'node:fs';
import { extname, join } from 'node:path';
import { decompile } from '../../../sdk/src/workflow/index.ts';
import { requireTarget } from '../caller.ts';
import type { Context, Result } from '../context.ts';
import { CliError, EXIT, usage } from '../errors.ts';
import { writeObject, writeText } from '../files.ts';
import { type Comparison, compare } from '../workflows/compare.ts';
import { hashOf } from '../workflows/content.ts';
import { chosen, type LocalWorkflow, pathIn, requireWorkflows } from '../workflows/local.ts';
import { State } from '../workflows/state.ts';
import type { StoredWorkflow } from '../workflows/stored.ts';
import { comparisonLines } from './diff.ts';

export interface PullOptions {
  format?: 'ts' | 'json';
  published?: boolean;
  force?: boolean;
}

interface Pulled {
  workflow: string;
  action: 'unchanged' | 'written' | 'only_in_git';
  file: string;
}

export async function pull(
  context: Context,
  names: readonly string[],
  { format, published = false, force = false }: PullOptions,
): Promise<Result> {
  const { project, target, out } = context;
  const all = await requireWorkflows(project);
  await requireTarget(context);
  const state = new State(project, target);
  const local = all.filter(({ kebab_name }) => names.length === 0 || names.includes(kebab_name));
  const which = published ? 'published' : 'newest';
  const compared = await compare(context, local, {
    names: names.length === 0 ? undefined : names,
    which,
  });
  for (const name of names) {
    const one = compared.find((found) => found.name === name);
    if (one?.stored === undefined) chosen([], [name], target.name);
  }
  if (!force) {
    const changed = compared.filter((one) => isChangedHere(one, state));
    if (!out.json) {
      for (const one of changed)
        for (const line of comparisonLines(out, one, state)) out.note(line);
    }
    if (changed.length > 0) {
      const list = changed.map(({ name }) => name).join(', ');
      throw new CliError(
        EXIT.drift,
        'drift',
        `The folder has changes that are not in ${target.name}: ${list}`,
        {
          hint: 'Push them with `stepbase push`, or overwrite them with --force.',
        },
      );
    }
  }
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
  return {
    data: { link: target.name, workflows: pulled },
    lines:
      pulled.length === 0
        ? [`${target.name} has no workflows.`]
        : pulled.map(({ workflow, action, file }) => `${workflow}  ${TEXTS[action]} ${file}`),
  };
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
  const { kebab_name, definition, input_schema } = stored;
  const name = stored.name === defaultName(kebab_name) ? {} : { name: stored.name ?? '' };
  const description = stored.description ? { description: stored.description } : {};
  const workflow = { kebab_name, ...name, ...description, definition, input_schema };
  if (extname(path) === '.json') writeObject(path, workflow);
  else writeText(path, decompile(workflow));
}
