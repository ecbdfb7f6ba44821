// Tasks of people in a run: completes a task, decides an approval.
import { Hono } from 'hono';
import { z } from 'zod';
import { asCaller } from '../../_shared/auth/index.ts';
import type { ApiEnv, Deps } from '../deps.ts';
import { completeTask, decideApproval } from '../queries.ts';
import { readBody, readUuid } from '../validation.ts';

export const CompleteBody = z.strictObject({
  output: z.record(z.string(), z.unknown()).default({}),
});
export const DecideBody = z.strictObject({
  approved: z.boolean(),
  comment: z.string().max(10_000).optional(),
});

export function taskRoutes({ db }: Deps): Hono<ApiEnv> {
  return new Hono<ApiEnv>()
    .post('/tasks/:step_run_id/complete', async (c) => {
      const stepRunId = readUuid(c, 'step_run_id');
      const { output } = await readBody(c, CompleteBody);
      return c.json(
        await asCaller(db, c.var.member, (query) => completeTask(query, stepRunId, output)),
      );
    })
    .post('/approvals/:step_run_id', async (c) => {
      const stepRunId = readUuid(c, 'step_run_id');
      const { approved, comment } = await readBody(c, DecideBody);
      return c.json(
        await asCaller(db, c.var.member, (query) =>
          decideApproval(query, stepRunId, approved, comment),
        ),
      );
    });
}
