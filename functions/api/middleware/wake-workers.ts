// After a change by a caller, wakes the workers that cannot LISTEN, over Redis.
import { createMiddleware } from 'hono/factory';
import { WAKE_CHANNEL } from '../../_shared/redis/bus.ts';
import type { ApiEnv, Deps } from '../deps.ts';

declare const EdgeRuntime: { waitUntil(work: Promise<unknown>): void } | undefined;

export function wakeWorkers({ bus }: Pick<Deps, 'bus'>) {
  return createMiddleware<ApiEnv>(async (c, next) => {
    await next();
    if (!bus.configured || c.req.method === 'GET' || !c.res.ok) return;
    const runId = /\/runs\/([0-9a-f-]{36})\/cancel$/.exec(c.req.path)?.[1];
    const told = [bus.publish(WAKE_CHANNEL, { kind: 'everything' })];
    if (runId !== undefined) told.push(bus.publish(WAKE_CHANNEL, { kind: 'cancel', runId }));
    // The response does not wait for it: after a lost wake-up, the next poll finds the work.
    const telling = Promise.all(told);
    if (typeof EdgeRuntime !== 'undefined') EdgeRuntime.waitUntil(telling);
  });
}
