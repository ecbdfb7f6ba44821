// With a read replica, each answer has the position in the WAL up to which it saw or wrote: the caller may send it with its
// next reads. A read that the replica may answer sets its own; every other answer gets the newest one of the primary.
import type { MiddlewareHandler } from 'hono';
import type { ApiEnv, Deps } from '../deps.ts';
import { LSN_HEADER } from '../replica/reads.ts';

export function statePosition({ reads }: Pick<Deps, 'reads'>): MiddlewareHandler<ApiEnv> {
  if (!reads.hasReplica) return (_c, next) => next();
  return async function addPosition(c, next) {
    await next();
    if (c.res.headers.has(LSN_HEADER)) return;
    // Without it, the next read of the caller asks the primary for the position.
    const position = await reads.position().catch(() => undefined);
    if (position !== undefined) c.header(LSN_HEADER, position);
  };
}
