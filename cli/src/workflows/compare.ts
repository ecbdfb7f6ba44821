// Git against the database: each workflow of the folder, and those that only the database has.
import { type Context, mapSome } from '../context.ts';
import { type Difference, differences, hashOf } from './content.ts';
import type { LocalWorkflow } from './local.ts';
import type { State } from './state.ts';
import {
  findWorkflow,
  listWorkflows,
  readStored,
  type StoredWorkflow,
  type Which,
  type WorkflowRow,
} from './stored.ts';

export interface Comparison {
  name: string;
  status: 'equal' | 'changed' | 'only_in_git' | 'only_in_database';
  local: LocalWorkflow | undefined;
  stored: StoredWorkflow | undefined;
  differences: Difference[];
}

export interface Scope {
  /** Default: all workflows of the database. */
  names: readonly string[] | undefined;
  which: Which;
}

export async function compare(
  { server, out }: Context,
  local: readonly LocalWorkflow[],
  { names, which }: Scope,
): Promise<Comparison[]> {
  const rows =
    names === undefined
      ? await listWorkflows(server)
      : (await mapSome(names, (name) => findWorkflow(server, name))).filter(
          (row) => row !== undefined,
        );
  const stored = new Map<string, StoredWorkflow>();
  await mapSome(rows, async (row: WorkflowRow, index) => {
    out.progressOf(index + 1, rows.length, row.kebab_name);
    const version = await readStored(server, row, which);
    if (version !== undefined) stored.set(row.kebab_name, version);
  });
  const compared = local.map((one) => comparison(one, stored.get(one.kebab_name)));
  const known = new Set(local.map(({ kebab_name }) => kebab_name));
  // An archived workflow of the database is out of use, so git need not have it.
  const others = [...stored.values()].filter(
    ({ kebab_name, isArchived }) => !known.has(kebab_name) && (names !== undefined || !isArchived),
  );
  return [...compared, ...others.map((one) => comparison(undefined, one))];
}

function comparison(
  local: LocalWorkflow | undefined,
  stored: StoredWorkflow | undefined,
): Comparison {
  const name = local?.kebab_name ?? stored?.kebab_name ?? '';
  if (local === undefined) {
    return { name, status: 'only_in_database', local, stored, differences: [] };
  }
  if (stored === undefined) return { name, status: 'only_in_git', local, stored, differences: [] };
  const found = differences(stored, local);
  const status = found.length === 0 ? 'equal' : 'changed';
  return { name, status, local, stored, differences: found };
}

/**
 * Whether the database has a change that the folder has not seen. Without a memory of the link, that is each other draft:
 * someone saved it, and it is not published from git.
 */
export function isDrift({ name, status, stored }: Comparison, state: State): boolean {
  const seen = state.hash(name);
  // Someone deleted it; a push would bring it back.
  if (stored === undefined) return seen !== undefined;
  if (status !== 'changed') return false;
  return seen === undefined ? stored.isDraft : seen !== hashOf(stored);
}

export const versionText = ({ version, isDraft }: StoredWorkflow): string =>
  isDraft ? `draft ${version}` : `version ${version}`;
