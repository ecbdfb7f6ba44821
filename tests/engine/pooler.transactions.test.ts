// Every statement of the worker and the API works through a pooler in transaction mode: a small one that
// notes whatever needs a session, and PgBouncer itself where it is installed.

import { describe, expect, test } from 'vitest';
import { type Ground, layGround } from '../../scripts/chaos/ground.ts';
import { hasPgBouncer, startPgBouncer } from '../support/pgbouncer.ts';
import { startTransactionPooler, type TransactionPooler } from '../support/transaction-pooler.ts';
import { type Bench, bench, node, value } from './support.ts';

async function callApi(b: Bench, api: string, method: string, path: string, body?: unknown) {
  const session = await b.developer.auth.getSession();
  const response = await fetch(`${api}/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${session.data.session?.access_token}`,
      'content-type': 'application/json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  expect(response.ok, `${method} ${path}: ${response.status}`).toBe(true);
  return response;
}

/** A run of every kind of waiting, started, watched and decided through the API. */
async function mixedRun(ground: Ground): Promise<void> {
  const b = await bench(ground.info);
  const api = await ground.startApi();
  const child = await b.publish([value('z', 'input.n * 2')]);
  const name = await b.publish(
    [
      value('a', 'input.n'),
      node('pause', 'delay', { ms: 50 }),
      node('each', 'for_each', {
        items: [1, 2, 3, 4],
        concurrency: 2,
        step: { type: 'transform', config: { expression: 'item * 10' } },
      }),
      value('flaky', '$error("no")', {
        retry: { max_attempts: 2, backoff: 'fixed', delay_ms: 20, retry_on: ['expression_failed'] },
        on_error: 'continue',
      }),
      node('call', 'child_workflow', { workflow: child, input: { n: '{{ steps.a.output }}' } }),
      node('hear', 'wait_for_signal', { signal_name: 'go' }),
      node('ask', 'wait_for_approval', { title: 'Go on?' }),
      value('z', 'steps.call.output.z + $sum(steps.each.output)'),
    ],
    [
      'a > pause',
      'a > each',
      'a > flaky',
      'a > call',
      'a > hear',
      'pause > ask',
      'each > ask',
      'flaky > ask',
      'call > ask',
      'hear > ask',
      'ask > z : approved',
    ],
  );
  const started = await callApi(b, api, 'POST', `/workflows/${name}/runs`, { input: { n: 21 } });
  const { id } = (await started.json()) as { id: string };
  const stream = await callApi(b, api, 'GET', `/runs/${id}/events`);
  await callApi(b, api, 'POST', `/runs/${id}/signals/go`, { payload: {} });
  const { id: task } = await b.stepIs(id, 'ask', 'waiting', 30_000);
  await callApi(b, api, 'POST', `/approvals/${task}`, { approved: true });
  expect((await b.ended(id, 30_000)).run).toMatchObject({
    status: 'completed',
    output: { z: 142 },
  });
  // The stream ends with the run.
  expect(await stream.text()).toContain('run.completed');
}

const env = { STEPBASE_DB_DIRECT: 'false', STEPBASE_DB_POOL: '4' };

describe('through a pooler in transaction mode', () => {
  test('nothing of the worker or the API needs a session', async () => {
    let pooler: TransactionPooler | undefined;
    const ground = await layGround({
      workers: 1,
      leaseSeconds: 5,
      env,
      between: async (url) => {
        pooler = await startTransactionPooler(url);
        return pooler;
      },
    });
    try {
      await mixedRun(ground);
      expect(pooler?.violations).toEqual([]);
      expect(pooler?.carried.every((count) => count > 0)).toBe(true);
    } finally {
      await ground.stop();
    }
  }, 60_000);

  if (hasPgBouncer) {
    test('PgBouncer carries all of it', async () => {
      const ground = await layGround({ workers: 1, leaseSeconds: 5, env, between: startPgBouncer });
      try {
        await mixedRun(ground);
      } finally {
        await ground.stop();
      }
    }, 60_000);
  }
});
