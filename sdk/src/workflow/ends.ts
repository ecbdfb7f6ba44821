// The end steps that the function of defineWorkflow returns, from which the output of a run has its type. Wrong ones are
// refused, so that the type is that of each run.

import type { Origin } from './edges.ts';
import { DefinitionError } from './errors.ts';
import type { DefinitionEdge } from './json.ts';

export interface ReturnedEnds {
  readonly returned: readonly Origin[];
  /** The type of a list says that a run may have no output of a step. */
  readonly isList: boolean;
}

/** The steps that nothing follows. */
export function endsOf(steps: readonly string[], edges: readonly DefinitionEdge[]): string[] {
  const sources = new Set(edges.map(({ source }) => source));
  return steps.filter((id) => !sources.has(id));
}

/** Whether a run may miss an end step, because it takes another branch. */
export const hasBranches = (edges: readonly DefinitionEdge[]): boolean =>
  edges.some(({ sourceHandle }) => sourceHandle !== undefined);

export function requireEnds(
  steps: readonly string[],
  edges: readonly DefinitionEdge[],
  { returned, isList }: ReturnedEnds,
): void {
  const ends = endsOf(steps, edges);
  const names = returned.map(({ source }) => source);
  const list = `[${ends.join(', ')}]`;
  const isSame = ends.length === new Set(names).size && ends.every((id) => names.includes(id));
  if (!isSame || returned.some(({ handle }) => handle !== undefined)) {
    throw new DefinitionError(
      'invalid_request',
      `the function returns [${names.join(', ')}], but its runs end with ${list}: return these steps, or nothing`,
    );
  }
  if (!isList && hasBranches(edges)) {
    throw new DefinitionError(
      'invalid_request',
      `return the list ${list}: a run that takes another branch has no output of ${list.slice(1, -1)}`,
    );
  }
}
