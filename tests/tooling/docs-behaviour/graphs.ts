// The examples of graphs and of steps that compute or call a service.

import { expect } from 'vitest';
import { client, waitFor } from '../../support/stack.ts';
import {
  answers,
  b,
  lastCall,
  published,
  ran,
  refuses,
  replies,
  sqlOf,
  started,
  type Topic,
} from './support.ts';

export const graphs: Topic = {
  async 'guides/write-a-workflow: fetch'() {
    answers('/orders/A-1', { total: 150 });
    const id = await started('guides/write-a-workflow: fetch', { order_id: 'A-1' });
    const task = await b.stepIs(id, 'ask', 'waiting');
    expect(task.task).toMatchObject({ title: 'Ship order A-1?', role: 'developer' });
    await b.developer.rpc('decide_approval', { step_run_id: task.id, approved: true });
    const { run, step } = await b.ended(id);
    expect(run).toMatchObject({ status: 'completed', output: { ship: { status: 200 } } });
    expect(Object.keys(run.output as object)).toEqual(['ship']);
    expect(lastCall('/shipments')).toMatchObject({
      method: 'POST',
      headers: { authorization: 'Bearer key-of-the-shop', 'idempotency-key': `${id}:ship:0` },
      body: { order: { total: 150 } },
    });
    expect(step('ship').input).toMatchObject({
      headers: { authorization: 'Bearer {{ secrets.shop_key }}' },
    });

    answers('/orders/A-2', { total: 50 });
    const small = await ran('guides/write-a-workflow: fetch', { order_id: 'A-2' });
    expect(small.statuses).toMatchObject({ ask: 'skipped', ship: 'completed' });
  },

  async 'guides/call-http-services: create'() {
    refuses('/contacts', 409);
    const { step } = await ran('guides/call-http-services: create', {
      email: 'ada@customer.example',
    });
    expect(step('create').output).toMatchObject({ status: 409, body: { status: 409 } });
    expect(lastCall('/contacts')).toMatchObject({
      method: 'POST',
      query: { source: 'stepbase' },
      headers: { authorization: 'Bearer key-of-the-crm' },
      body: { email: 'ada@customer.example' },
    });
    refuses('/contacts', 403);
    expect(
      (await ran('guides/call-http-services: create', { email: 'x' })).run.error,
    ).toMatchObject({
      code: 'http_client_error',
      retryable: false,
    });
  },

  async 'guides/call-http-services: notify'() {
    const { run } = await ran('guides/call-http-services: notify', { order_id: 'A-1' });
    expect(run.output).toMatchObject({ notify: { status: 200 } });
    const call = lastCall('/hooks/stepbase');
    expect(call?.body).toEqual({ order: 'A-1' });
    expect(call?.headers).toMatchObject({
      'webhook-id': `${run.id}:notify:0`,
      'webhook-timestamp': expect.stringMatching(/^\d+$/),
      'webhook-signature': expect.stringMatching(/^v1,[\w+/]{43}=$/),
    });
    replies.set('/hooks/stepbase', [{ status: 302, headers: { location: '/elsewhere' } }]);
    expect((await ran('guides/call-http-services: notify', { order_id: 'A-1' })).run.status).toBe(
      'failed',
    );
    expect(lastCall('/elsewhere')).toBeUndefined();
  },

  async 'guides/call-http-services: pay'() {
    const { run } = await ran('guides/call-http-services: pay', { price: 'p1' });
    expect(run.status).toBe('completed');
    const call = lastCall('/sessions');
    expect(call?.headers).toMatchObject({ 'content-type': 'application/x-www-form-urlencoded' });
    expect(decodeURIComponent(String(call?.body))).toBe('items[0][price]=p1&items[0][quantity]=1');
  },

  async 'guides/compute-values: total'() {
    const lines = [
      { price: 2, quantity: 3 },
      { price: 5, quantity: 1 },
    ];
    expect((await ran('guides/compute-values: total', { lines })).run.output).toEqual({
      total: 11,
    });
  },

  async 'guides/branches-and-joins: size'() {
    const name = await published('guides/branches-and-joins: size');
    const taken = async (total: number) =>
      (await b.ended((await b.start(name, { total })).id)).statuses;
    expect(await taken(50)).toMatchObject({
      review: 'skipped',
      check: 'skipped',
      accept: 'completed',
    });
    expect(await taken(500)).toMatchObject({ check: 'completed', accept: 'skipped' });
    const { id } = await b.start(name, { total: 5_000 });
    const review = await b.stepIs(id, 'review', 'waiting');
    await b.developer.rpc('complete_task', { step_run_id: review.id });
    const { statuses, step } = await b.ended(id);
    expect(statuses).toMatchObject({ review: 'completed', check: 'skipped', accept: 'skipped' });
    expect(step('size')).toMatchObject({ handle: 'large', output: 'large' });
  },

  async 'guides/compute-values: group'() {
    const lines = [{ quantity: 0 }, { quantity: 2 }];
    expect((await ran('guides/compute-values: group', { lines })).run.output).toEqual({
      group: [{ quantity: 2 }],
    });
  },

  async 'guides/loop-over-items: enrich'() {
    refuses('/companies/2', 503);
    const id = await started('guides/loop-over-items: enrich', {
      companies: [1, 2, 3].map((n) => ({ id: n })),
    });
    await waitFor('the second company has a retry', async () => {
      const { rows } = await b.db.query(
        "select from stepbase.step_runs where run_id = $1 and attempt = 2 and status = 'waiting'",
        [id],
      );
      return rows.length === 1;
    });
    await b.advance('1 minute');
    const { run } = await b.ended(id);
    const { enrich } = run.output as { enrich: { body: { path: string } }[] };
    expect(enrich.map(({ body }) => body.path)).toEqual([1, 2, 3].map((n) => `/companies/${n}`));
  },

  async 'guides/sql-functions: reserve'() {
    await b.db.query(`
      create table public.stock (app_code text, order_id bigint, reserved int);
      insert into public.stock values ('acme', 7, 1), ('globex', 8, 0)`);
    await b.db.query(sqlOf('guides/sql-functions')[0] ?? '');
    const { run } = await ran('guides/sql-functions: reserve', { order_id: 7 });
    expect(run.output).toEqual({ reserve: { reserved: 1 } });
    const other = await ran('guides/sql-functions: reserve', { order_id: 8 });
    expect(other.run.error).toMatchObject({
      code: 'function_failed',
      message: 'public.reserve_stock: order 8 has no stock',
    });
    const { rows } = await b.db.query('select * from public.stock order by order_id');
    expect(rows.map(({ reserved }) => reserved)).toEqual([2, 0]);
  },

  async 'guides/storage-files: report'() {
    const server = client(b.stack, b.stack.secret_key);
    await server.storage.createBucket('reports', { public: false, fileSizeLimit: '4MB' });
    const { run } = await ran('guides/storage-files: report', {
      month: '2026-01',
      totals: { total: 3 },
    });
    expect(run.output).toMatchObject({ report: { name: 'acme/2026-01/sales.json', size: 11 } });
  },

  async 'guides/storage-files: prices'() {
    const server = client(b.stack, b.stack.secret_key);
    await server.storage.createBucket('reports', { public: false });
    const files = server.storage.from('reports');
    const { error } = await files.upload('acme/prices.csv', 'a,1', { contentType: 'text/csv' });
    expect(error).toBeNull();
    const { run } = await ran('guides/storage-files: prices');
    expect(run.output).toMatchObject({ prices: { content: 'a,1', content_type: 'text/csv' } });
  },
};
