// Pages of a list: every row once, in a stable order, also while rows are added; filters; refused cursors and limits.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../support/stack.ts';
import {
  type Answer,
  type Api,
  call,
  createTenant,
  publishWorkflow,
  sql,
  startApi,
  type TestTenant,
} from './support.ts';

let api: Api;
let tenant: TestTenant;
let workflow: string;

const get = (path: string) => call(`${api.url}/v1/${path}`, { token: tenant.token });
const post = (path: string, body: unknown) =>
  call(`${api.url}/v1/${path}`, { token: tenant.token, body });
const items = ({ body }: Answer) => body.items as Record<string, unknown>[];
const start = async () =>
  String((await post(`workflows/${workflow}/runs`, { input: { n: 1 } })).body.id);

/** All ids of a list, page by page; `between` runs after each page. */
async function walk(query: string, between = async () => {}): Promise<unknown[]> {
  const ids: unknown[] = [];
  let cursor: unknown = '';
  while (cursor !== null) {
    const more = cursor === '' ? '' : `&cursor=${String(cursor)}`;
    const answer = await get(`runs?limit=3&${query}${more}`);
    expect(answer.status, JSON.stringify(answer.body)).toBe(200);
    ids.push(...items(answer).map(({ id }) => id));
    cursor = answer.body.next_cursor;
    await between();
  }
  return ids;
}

beforeAll(async () => {
  api = await startApi();
  tenant = await createTenant('pages');
  workflow = await publishWorkflow(tenant.admin);
});
afterAll(() => api?.stop());

describe('a list of runs', () => {
  const made: string[] = [];
  beforeAll(async () => {
    for (let n = 0; n < 8; n += 1) made.push(await start());
    // Rows of one transaction have the same time: only the id orders them.
    await sql(
      `update stepbase.runs set created_at = '2026-01-01' where app_code = $1 and id <> $2`,
      [tenant.app_code, made[7]],
    );
  });

  it('has each run once, in both directions', async () => {
    const down = await walk('sort=-created_at');
    const up = await walk('sort=created_at');
    expect(new Set(down)).toEqual(new Set(made));
    expect(down).toHaveLength(made.length);
    expect(down[0]).toBe(made[7]);
    expect(up).toEqual([...down].reverse());
  });

  it('neither repeats nor loses a run while others start', async () => {
    const before = await walk('sort=-created_at');
    const seen = await walk('sort=-created_at', async () => {
      made.push(await start());
    });
    expect(seen).toEqual(before);
  });

  it('filters by status, workflow, time and key', async () => {
    const key = randomUUID();
    const { body } = await post(`workflows/${workflow}/runs`, {
      input: { n: 2 },
      idempotency_key: key,
    });
    expect(items(await get(`runs?idempotency_key=${key}`)).map(({ id }) => id)).toEqual([body.id]);
    await post(`runs/${String(body.id)}/cancel`, {});
    const cancelled = items(await get('runs?status=cancelled'));
    expect(cancelled.map(({ id, workflow: of }) => [id, of])).toEqual([[body.id, workflow]]);
    expect(items(await get('runs?status=cancelled,failed&sort=completed_at'))).toHaveLength(1);
    expect(items(await get('runs?workflow=nothing'))).toEqual([]);
    expect(
      items(await get(`runs?workflow=${workflow}&created_before=2026-01-02T00:00:00Z&limit=50`))
        .length,
    ).toBe(7);
    expect(items(await get('runs?q=api%20test&limit=100')).length).toBeGreaterThan(8);
  });

  it('refuses an invalid cursor, a cursor of another order, and what it does not know', async () => {
    const first = await get('runs?limit=3');
    const cursor = String(first.body.next_cursor);
    const refused = [
      'runs?cursor=nonsense',
      `runs?sort=created_at&cursor=${cursor}`,
      `runs?cursor=${Buffer.from('["-created_at","then","now"]').toString('base64url')}`,
      'runs?limit=201',
      'runs?limit=0',
      'runs?status=odd',
      'runs?sort=input',
      'runs?color=red',
    ];
    for (const path of refused) {
      const answer = await get(path);
      expect([answer.status, answer.body.code], path).toEqual([400, 'invalid_request']);
    }
  });
});

describe('the history of a run', () => {
  it('is a page of events in order, with its signals and its context', async () => {
    const id = await start();
    await waitFor('the approval is waiting', async () => {
      const { body } = await get(`runs/${id}`);
      return (body.steps as { status: string }[]).some(({ status }) => status === 'waiting');
    });
    const events = (query: string) =>
      call(`${api.url}/v1/runs/${id}/events?${query}`, {
        token: tenant.token,
        headers: { accept: 'application/json' },
      });
    const all = items(await events('limit=100')).map(({ seq }) => seq);
    expect(all).toEqual(all.map((_, index) => index + 1));
    expect(items(await events('after=2')).map(({ seq }) => seq)).toEqual(all.slice(2));
    const page = await events('limit=1');
    const next = await events(`limit=1&cursor=${String(page.body.next_cursor)}`);
    expect(items(next).map(({ seq }) => seq)).toEqual([2]);

    await post(`runs/${id}/signals/hello`, { payload: { a: 1 } });
    expect(items(await get(`runs/${id}/signals`))).toMatchObject([
      { signal_name: 'hello', payload: { a: 1 } },
    ]);
    expect((await get(`runs/${id}/context?version=0`)).body).toEqual({ version: 0, context: {} });
    const { status } = await get(`runs/${randomUUID()}/context`);
    expect(status).toBe(404);
    const tasks = items(await get(`tasks?run_id=${id}`));
    expect(tasks).toMatchObject([{ step_id: 'ask', status: 'waiting' }]);
    expect(items(await get(`tasks?mine=true&run_id=${id}`))).toEqual([]);
    expect((await get(`tasks/${String(tasks[0]?.id)}`)).body.task).toMatchObject({
      title: 'Go on?',
    });
  });
});
