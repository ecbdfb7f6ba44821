// One run: its snapshot, its events as a stream, and cancelling it.
import { Hono } from 'hono';
import { z } from 'zod';
import { asCaller } from '../../_shared/auth/index.ts';
import { AppError } from '../../_shared/errors/index.ts';
import type { ApiEnv, Deps } from '../deps.ts';
import { cancelRun, readRun } from '../queries.ts';
import { streamRun } from '../stream/response.ts';
import { readBody, readUuid } from '../validation.ts';

const CancelBody = z.strictObject({ reason: z.string().max(1000).optional() });

export function runRoutes(deps: Deps): Hono<ApiEnv> {
  return new Hono<ApiEnv>()
    .get('/:run_id', async (c) => {
      const runId = readUuid(c, 'run_id');
      const found = await asCaller(deps.db, c.var.member, (query) => readRun(query, runId));
      if (found === undefined) throw new AppError('not_found', 'There is no such run');
      return c.json(found);
    })
    .get('/:run_id/events', (c) => streamRun(c, deps, readUuid(c, 'run_id')))
    .post('/:run_id/cancel', async (c) => {
      const runId = readUuid(c, 'run_id');
      const { reason } = await readBody(c, CancelBody);
      return c.json(
        await asCaller(deps.db, c.var.member, (query) => cancelRun(query, runId, reason)),
      );
    });
}
