// POST /v1/workflows/:name/runs: starts a run.
import { Hono } from 'hono';
import { z } from 'zod';
import { asCaller } from '../../_shared/auth/index.ts';
import type { ApiEnv, Deps } from '../deps.ts';
import { startRun } from '../queries.ts';
import { readBody, readIdempotencyKey } from '../validation.ts';

export const StartBody = z.strictObject({
  input: z.record(z.string(), z.unknown()).default({}),
  idempotency_key: z.string().min(1).max(255).optional(),
  version: z.number().int().positive().optional(),
  priority: z.number().int().min(-100).max(100).optional(),
});

export function workflowRoutes({ db }: Deps): Hono<ApiEnv> {
  return new Hono<ApiEnv>().post('/:kebab_name/runs', async (c) => {
    const body = await readBody(c, StartBody);
    const idempotencyKey = readIdempotencyKey(c, body.idempotency_key);
    const { run, isNew } = await asCaller(db, c.var.member, (query) =>
      startRun(query, {
        workflow: c.req.param('kebab_name'),
        input: body.input,
        idempotencyKey,
        version: body.version,
        priority: body.priority,
      }),
    );
    // Relative, because only the gateway knows the path of the function.
    c.header('Location', `../../runs/${run.id}`);
    return c.json(run, isNew ? 201 : 200);
  });
}
