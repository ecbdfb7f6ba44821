// One run: its snapshot, its event stream, and the actions on it.
import { Hono } from 'hono';
import { z } from 'zod';
import { asCaller } from '../../_shared/auth/index.ts';
import type { Query } from '../../_shared/db/pool.ts';
import { AppError } from '../../_shared/errors/index.ts';
import type { ApiEnv, Deps } from '../deps.ts';
import {
  cancelRun,
  pauseRun,
  queryRun,
  readRun,
  rerun,
  resumeRun,
  sendSignal,
} from '../queries.ts';
import { answerQuery } from '../query.ts';
import { streamRun } from '../stream/response.ts';
import { readBody, readUuid } from '../validation.ts';

export const NoBody = z.strictObject({});
export const CancelBody = z.strictObject({
  reason: z.string().max(1000).optional(),
  force: z.boolean().optional(),
});
export const RerunBody = z.strictObject({ from_step: z.string().min(1).max(255).optional() });
export const SignalBody = z.strictObject({ payload: z.unknown().default({}) });

export function runRoutes(deps: Deps): Hono<ApiEnv> {
  const routes = new Hono<ApiEnv>();

  routes.get('/:run_id', async (c) => {
    const runId = readUuid(c, 'run_id');
    const found = await asCaller(deps.db, c.var.member, (query) => readRun(query, runId));
    if (found === undefined) throw new AppError('not_found', 'The run does not exist');
    return c.json(found);
  });

  routes.get('/:run_id/events', (c) => streamRun(c, deps, readUuid(c, 'run_id')));

  routes.post('/:run_id/cancel', async (c) => {
    const runId = readUuid(c, 'run_id');
    const how = await readBody(c, CancelBody);
    const run = await asCaller(deps.db, c.var.member, (query) => cancelRun(query, runId, how));
    return c.json(run);
  });

  const plain: [string, (query: Query, runId: string) => Promise<Record<string, unknown>>][] = [
    ['pause', pauseRun],
    ['resume', resumeRun],
  ];
  for (const [name, act] of plain) {
    routes.post(`/:run_id/${name}`, async (c) => {
      const runId = readUuid(c, 'run_id');
      await readBody(c, NoBody);
      return c.json(await asCaller(deps.db, c.var.member, (query) => act(query, runId)));
    });
  }

  routes.post('/:run_id/rerun', async (c) => {
    const runId = readUuid(c, 'run_id');
    const { from_step: fromStep } = await readBody(c, RerunBody);
    const run = await asCaller(deps.db, c.var.member, (query) => rerun(query, runId, fromStep));
    c.header('Location', `../${run.id}`);
    return c.json(run, 201);
  });

  routes.post('/:run_id/signals/:name', async (c) => {
    const runId = readUuid(c, 'run_id');
    const { payload } = await readBody(c, SignalBody);
    await asCaller(deps.db, c.var.member, (query) =>
      sendSignal(query, runId, c.req.param('name'), payload),
    );
    return c.body(null, 202);
  });

  routes.get('/:run_id/queries/:name', async (c) => {
    const runId = readUuid(c, 'run_id');
    const name = c.req.param('name');
    const found = await asCaller(deps.db, c.var.member, (query) => queryRun(query, runId, name));
    return c.json({ answer: 'answer' in found ? found.answer : await answerQuery(name, found) });
  });

  return routes;
}
