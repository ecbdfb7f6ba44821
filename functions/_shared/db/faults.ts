// The database understood a statement and refuses what is in it: asked again, it refuses again.

/** Data exceptions, violated constraints, program limits, and what its own functions raise. */
const CLASSES = new Set(['22', '23', '54', 'P0', 'SB']);

export function isRejected(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false;
  return typeof error.code === 'string' && CLASSES.has(error.code.slice(0, 2));
}
