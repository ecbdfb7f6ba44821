// push of components and schedules: creates and changes rows, and takes those out of use that git has no longer.
import type { Context } from '../context.ts';
import { State } from '../workflows/state.ts';
import type { KindComparison } from './compare.ts';
import { hashOfContent } from './kind.ts';

export interface PushedResource {
  key: string;
  action: 'unchanged' | 'created' | 'changed' | 'deactivated' | 'deleted';
}

export async function pushKind(
  context: Context,
  { kind, store, compared }: KindComparison,
): Promise<PushedResource[]> {
  const { project, target, out } = context;
  const state = new State(project, target);
  const pushed: PushedResource[] = [];
  for (const { key, status, local, stored } of compared) {
    if (local === undefined) continue;
    if (status !== 'equal') out.progress(`${kind.singular} ${key}`);
    if (stored === undefined) await store.create(local.content);
    else if (status === 'changed') await store.change(stored, local.content);
    const action = status === 'equal' ? 'unchanged' : stored === undefined ? 'created' : 'changed';
    state.note(key, hashOfContent(store.resolve(local.content)), kind.plural);
    pushed.push({ key, action });
  }
  return pushed;
}

/** --prune: what only the database has. */
export async function pruneKind(
  context: Context,
  { kind, store, compared }: KindComparison,
): Promise<PushedResource[]> {
  const { project, target, out } = context;
  const state = new State(project, target);
  const pruned: PushedResource[] = [];
  for (const { key, status, stored } of compared) {
    if (status !== 'only_in_database' || stored === undefined) continue;
    out.progress(`${kind.singular} ${key}`);
    await store.remove(stored);
    state.forget(key, kind.plural);
    pruned.push({ key, action: kind.removed });
  }
  return pruned;
}
