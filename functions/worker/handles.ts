// Which edges a condition takes: those whose handle is its value, or else those with the handle `default`.

import type { Completed } from './steps/index.ts';

/** The handle that takes what no other edge does. */
const DEFAULT = 'default';
/** Handles of failures: no value of a condition needs them. */
const FAILURES = ['error', 'timeout'];

/** The result with the handle of an edge that the node has; `takesNoEdge` if it has none for this value. */
export function chooseHandle(
  result: Completed,
  next: readonly { handle: string | null }[],
): Completed {
  const { otherHandles = [], ...chosen } = result;
  if (chosen.handle === undefined) return chosen;
  const named = new Set(next.map((edge) => edge.handle));
  const wanted = [chosen.handle, ...otherHandles];
  const handle = [...wanted, DEFAULT].find((name) => named.has(name));
  if (handle !== undefined) return { ...chosen, handle };
  const isAlwaysLeft = named.has(null);
  for (const name of [null, ...FAILURES]) named.delete(name);
  if (named.size === 0) return { ...chosen, handle: wanted.at(-1) ?? chosen.handle };
  return isAlwaysLeft ? chosen : { ...chosen, takesNoEdge: true };
}
