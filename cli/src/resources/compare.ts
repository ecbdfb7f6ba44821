// Git against the database for components and schedules, as workflows/compare.ts does it for workflows.
import type { Context } from '../context.ts';
import type { Output } from '../output.ts';
import { type Change, changesOf, short } from '../workflows/content.ts';
import { type LocalFault, refuseFaults } from '../workflows/local.ts';
import { State } from '../workflows/state.ts';
import { COMPONENTS } from './components.ts';
import {
  type Content,
  hashOfContent,
  type Kind,
  type LocalResource,
  type Store,
  type StoredResource,
} from './kind.ts';
import { SCHEDULES } from './schedules.ts';

export const KINDS: readonly Kind[] = [COMPONENTS, SCHEDULES];

/** The kinds that --only leaves; with names of workflows, none. */
export function chosenKinds(names: readonly string[], only: string | undefined): readonly Kind[] {
  if (names.length > 0) return [];
  return only === undefined ? KINDS : KINDS.filter(({ plural }) => plural === only);
}

export interface Compared {
  key: string;
  status: 'equal' | 'changed' | 'only_in_git' | 'only_in_database';
  local: LocalResource | undefined;
  stored: StoredResource | undefined;
  changes: Change[];
  /** The database has a change that the folder has not seen. */
  isDrift: boolean;
}

export interface KindComparison {
  kind: Kind;
  store: Store;
  compared: Compared[];
}

export async function readLocalKinds(
  { project }: Context,
  kinds: readonly Kind[],
): Promise<{ local: Map<Kind, LocalResource[]>; faults: LocalFault[] }> {
  const local = new Map<Kind, LocalResource[]>();
  const faults: LocalFault[] = [];
  for (const kind of kinds) {
    const found = await kind.readLocal(project);
    local.set(kind, found.items);
    faults.push(...found.faults);
  }
  return { local, faults };
}

export async function compareKinds(
  context: Context,
  kinds: readonly Kind[],
): Promise<KindComparison[]> {
  const { local, faults } = await readLocalKinds(context, kinds);
  refuseFaults(faults);
  return await compareLocalKinds(context, local);
}

export async function compareLocalKinds(
  context: Context,
  local: ReadonlyMap<Kind, readonly LocalResource[]>,
): Promise<KindComparison[]> {
  const state = new State(context.project, context.target);
  const results: KindComparison[] = [];
  for (const [kind, items] of local) {
    const store = await openUnlessForbidden(context, kind, items);
    if (store === undefined) continue;
    results.push({ kind, store, compared: compareKind(kind, store, items, state) });
  }
  return results;
}

/** A key of a pipeline may lack the permission for a kind that the folder does not have. */
async function openUnlessForbidden(
  context: Context,
  kind: Kind,
  local: readonly LocalResource[],
): Promise<Store | undefined> {
  try {
    return await kind.open(context, local);
  } catch (error) {
    if (local.length === 0 && (error as { code?: unknown }).code === 'permission_denied')
      return undefined;
    throw error;
  }
}

function compareKind(
  { plural }: Kind,
  store: Store,
  local: readonly LocalResource[],
  state: State,
): Compared[] {
  const stored = new Map(store.items.map((one) => [one.key, one]));
  const known = new Set(local.map(({ key }) => key));
  const both = local.map((one): Compared => {
    const other = stored.get(one.key);
    const seen = state.hash(one.key, plural);
    if (other === undefined) {
      const isDrift = seen !== undefined;
      return {
        key: one.key,
        status: 'only_in_git',
        local: one,
        stored: undefined,
        changes: [],
        isDrift,
      };
    }
    const changes = contentChanges(other.content, store.resolve(one.content));
    const isEqual = changes.length === 0;
    return {
      ...{ key: one.key, local: one, stored: other, changes },
      status: isEqual ? 'equal' : 'changed',
      isDrift: !isEqual && seen !== undefined && seen !== hashOfContent(other.content),
    };
  });
  const others = store.items
    .filter(({ key, isIdle }) => !known.has(key) && !isIdle)
    .map(
      (one): Compared => ({
        ...{ key: one.key, local: undefined, stored: one, changes: [] },
        status: 'only_in_database',
        isDrift: false,
      }),
    );
  return [...both, ...others];
}

/** What the file states and the database has in another form. */
function contentChanges(stored: Content, local: Content): Change[] {
  return Object.keys(stored)
    .filter((key) => local[key] !== undefined)
    .flatMap((key) => changesOf(stored[key], local[key], key));
}

export const isEqualKind = ({ compared }: KindComparison): boolean =>
  compared.every(({ status }) => status === 'equal');

export function kindReport({ kind, compared }: KindComparison): Record<string, unknown>[] {
  return compared.map(({ key, status, local, changes, isDrift }) => ({
    [kind.singular]: key,
    status,
    drift: isDrift,
    ...(local === undefined ? {} : { file: local.file }),
    differences: changes,
  }));
}

export function comparedLines(out: Output, kind: Kind, one: Compared): string[] {
  const { key, status, local, changes, isDrift } = one;
  if (status === 'equal') return [];
  const title = `${kind.singular} ${out.style('bold', key)}`;
  const drift = (text: string) => (isDrift ? out.style('red', `  ${text}`) : '');
  if (status === 'only_in_git') {
    return [`${title}  only in git (${local?.file})${drift('deleted in the database')}`];
  }
  if (status === 'only_in_database') return [`${title}  only in the database`];
  return [
    `${title}  ${local?.file} differs${drift('changed in the database, too')}`,
    ...changes.map(({ path, from, to }) =>
      out.style('yellow', `  ~ ${path}: ${short(from)} → ${short(to)}`),
    ),
  ];
}

export const kindLines = (out: Output, { kind, compared }: KindComparison): string[] =>
  compared.flatMap((one) => comparedLines(out, kind, one));
