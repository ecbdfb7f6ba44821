// Step logs: what the worker writes by default, how a member reads it, and what subscribers hear.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Shop, startShop } from '../../../scripts/fakes/shop.ts';
import { signedIn, waitFor } from '../../support/stack.ts';
import { node, type TestApp, testApp, value } from '../support.ts';

let b: TestApp;
let shop: Shop;

beforeAll(async () => {
  [b, shop] = await Promise.all([testApp(), startShop()]);
});
afterAll(() => shop?.stop());

interface Line {
  seq: number;
  step_id: string;
  attempt: number;
  level: string;
  message: string;
  data: Record<string, unknown> | null;
}

async function get(path: string, user = b.developer) {
  const { data } = await user.auth.getSession();
  const response = await fetch(`${b.stack.api_url}/functions/v1/stepbase-api/v1/runs/${path}`, {
    headers: { authorization: `Bearer ${data.session?.access_token}` },
  });
  return { status: response.status, body: (await response.json()) as { items: Line[] } };
}

/** The lines of a run when there are that many: a worker writes them after the result. */
const lines = (runId: string, count: number): Promise<Line[]> =>
  waitFor(`run ${runId} has ${count} lines`, async () => {
    const { body } = await get(`${runId}/logs`);
    return body.items.length >= count ? body.items : undefined;
  });

test('a run of steps without lines writes none', async () => {
  const { run } = await b.run([value('a'), value('b')], ['a > b']);
  const { rows } = await b.db.query('select 1 from stepbase.step_logs where run_id = $1', [run.id]);
  expect(rows).toEqual([]);
});

test('printed lines, failed calls and failed attempts are lines, which the API filters and Realtime tells', async () => {
  const { run } = await b.run(
    [
      // A call that succeeds writes no line by default.
      node('call', 'http_request', { url: `${shop.url}/echo` }),
      // It could be executed eagerly, but it prints.
      node('code', 'inline_code', { code: '() => { console.log("two is", 2); return 2 }' }),
      node(
        'broken',
        'http_request',
        { url: `${shop.url}/status/503` },
        {
          retry: { max_attempts: 2, backoff: 'fixed', delay_ms: 1 },
          on_error: 'continue',
        },
      ),
    ],
    ['call > code', 'code > broken'],
  );
  const all = await lines(run.id, 5);
  expect(
    all.map(({ seq, step_id, attempt, level, message }) => [
      ...[seq, step_id, attempt, level],
      message.replaceAll(shop.url, '').replace(/\d+ ms$/, 'n ms'),
    ]),
  ).toEqual([
    [1, 'code', 1, 'info', 'two is 2'],
    [2, 'broken', 1, 'warn', 'GET /status/503 answered 503 after n ms'],
    [3, 'broken', 1, 'error', 'attempt 1 failed: GET /status/503 answered 503'],
    [4, 'broken', 2, 'warn', 'GET /status/503 answered 503 after n ms'],
    [5, 'broken', 2, 'error', 'attempt 2 failed: GET /status/503 answered 503'],
  ]);
  expect(all[1]?.data).toEqual({
    ...{ method: 'GET', url: `${shop.url}/status/503`, code: 'http_server_error' },
    duration_ms: expect.any(Number),
  });
  expect(all[2]?.data).toEqual({ code: 'http_server_error', retryable: true });
  expect(JSON.stringify(all)).not.toContain('hidden');

  const seqs = async (query: string) =>
    (await get(`${run.id}/logs?${query}`)).body.items.map(({ seq }) => seq);
  expect(await seqs('step=broken')).toEqual([2, 3, 4, 5]);
  expect(await seqs('level=warn&after=2')).toEqual([3, 4, 5]);
  expect(await seqs('level=error&step=broken&sort=-seq')).toEqual([5, 3]);
  expect((await get(`${run.id}/logs?level=loud`)).status).toBe(400);
  expect((await get(`${run.id}/logs`, await signedIn('developer@globex', b.stack))).status).toBe(
    404,
  );

  const { rows } = await b.db.query<{ payload: { seq_from: number; logs: Line[] } }>(
    `select m.payload from realtime.messages m
     where m.topic = 'stepbase:run:' || $1 and m.event = 'logs' and m.private
     order by (m.payload ->> 'seq')::bigint`,
    [run.id],
  );
  const told = rows.flatMap(({ payload }) => payload.logs);
  expect(told.map(({ seq, message }) => [seq, message])).toEqual(
    all.map(({ seq, message }) => [seq, message]),
  );
  expect(rows[0]?.payload.seq_from).toBe(1);
  expect(told[0]).not.toHaveProperty('data');
});
