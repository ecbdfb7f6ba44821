// The test kit: a workflow runs on the engine with mocked steps, skipped time and answered tasks, and no stack.

import { existsSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { withClient } from '../../scripts/stack/postgres/connection.ts';
import { handler, StepFailure } from '../../sdk/src/serve/index.ts';
import { defineWorkflow, expr, shape } from '../../sdk/src/workflow/index.ts';
import { KitQueries } from '../../test-kit/src/database.ts';
import setup from '../../test-kit/src/global-setup.ts';
import {
  createTestKit,
  failure,
  handlerMock,
  httpOutput,
  type Recording,
  recordRun,
  type TestKit,
} from '../../test-kit/src/index.ts';
import { SERVER_VARIABLE } from '../../test-kit/src/server.ts';
import { openWorker } from '../../test-kit/src/worker.ts';
import { scaled } from '../support/time.ts';

const orderShipping = defineWorkflow(
  'order-shipping',
  { input: z.object({ order_id: z.string() }) },
  (w) => {
    const fetch = w.httpRequest(
      'fetch',
      { url: `https://shop.example/orders/${w.input.order_id}` },
      { output: shape<{ total: number }>(), retry: { max_attempts: 3 } },
    );
    const large = w.condition('large', {
      expression: expr<'yes' | 'no'>`${fetch.output.body.total} > 100 ? 'yes' : 'no'`,
    });
    const ask = w.waitForApproval(
      'ask',
      { title: `Ship order ${w.input.order_id}?`, role: 'developer' },
      { after: large.on('yes') },
    );
    w.httpRequest(
      'ship',
      {
        method: 'POST',
        url: 'https://shop.example/shipments',
        headers: { authorization: `Bearer ${w.secret('shop_key')}` },
        body: { total: fetch.output.body.total },
      },
      { join: 'any', after: [large.on('no'), ask.on('approved')] },
    );
  },
);

const dataDirectory = (kit: TestKit): Promise<string> =>
  withClient(kit.databaseUrl, async (client) => {
    const { rows } = await client.query<{ data_directory: string }>('show data_directory');
    return rows[0]?.data_directory ?? '';
  });

describe('the test kit', () => {
  let kit: TestKit;
  beforeAll(async () => {
    kit = await createTestKit();
  }, scaled(120_000));
  afterAll(() => kit.close());
  beforeEach(() => kit.reset());

  it('runs a workflow with mocks, and asserts its path, its calls and its outputs', async () => {
    const shipping = await kit.workflow(orderShipping);
    kit.mock('fetch', () => httpOutput({ total: 7 }));
    shipping.mock<{ body: unknown }>('ship', ({ config }) => httpOutput({ sent: config.body }));
    const run = await (await shipping.start({ order_id: 'A-1' })).settled();
    expect(run.status).toBe('completed');
    expect(run.path()).toEqual(['fetch', 'large', 'ship']);
    expect(run.output('ship')).toMatchObject({ status: 200, body: { sent: { total: 7 } } });
    expect(run.result()).toEqual({ ship: run.output('ship') });
    const [call] = kit.calls('ship');
    expect(call?.config).toMatchObject({
      url: 'https://shop.example/shipments',
      headers: { authorization: expect.stringContaining('shop_key') },
    });
    expect(kit.calls('fetch')).toMatchObject([
      { attempt: 1, type: 'http_request', config: { url: 'https://shop.example/orders/A-1' } },
    ]);
    expect(() => run.output('ask')).toThrow(/the step ask is skipped|was not reached/);
  });

  it('lets members answer tasks, with the rights of their role', async () => {
    const shipping = await kit.workflow(orderShipping);
    kit.mock('fetch', () => httpOutput({ total: 700 }));
    kit.mock('ship', () => httpOutput({}));
    const run = await (await shipping.start({ order_id: 'A-2' })).settled();
    expect(run.waitsFor()).toEqual(['task ask']);
    await expect(run.ended()).rejects.toThrow(/does not end by time alone.*task ask/);
    const task = run.task('ask');
    expect([task.details.title, task.roles]).toEqual(['Ship order A-2?', ['developer']]);
    await expect(task.approve({ as: 'viewer' })).rejects.toThrow(/assigned to someone else/);
    await task.approve({ as: 'developer', comment: 'fine' });
    expect(run.path()).toEqual(['fetch', 'large', 'ask', 'ship']);
    expect(run.output('ask')).toMatchObject({ approved: true, comment: 'fine' });
    expect(() => run.task('ask')).toThrow(/has no open task ask/);

    const other = await (await shipping.start({ order_id: 'A-3' })).settled();
    await other.task('ask').reject();
    expect([other.status, other.path()]).toEqual(['completed', ['fetch', 'large', 'ask']]);
  });

  it('fails a test that forgets a mock, and says which', async () => {
    await kit.workflow(orderShipping);
    const run = await kit.start('order-shipping', { order_id: 'A-4' });
    await expect(run.settled()).rejects.toThrow(
      /the step fetch of order-shipping is a http_request and has no mock: add kit\.mock\('fetch'/,
    );
    await run.settled();
    expect([run.status, run.error?.code, run.path()]).toEqual(['failed', 'not_mocked', ['fetch!']]);
  });

  it('passes the error of a mock on to the test', async () => {
    await kit.workflow(orderShipping);
    kit.mock('fetch', () => {
      throw new TypeError('the test is wrong');
    });
    const run = await kit.start('order-shipping', { order_id: 'A-5' });
    await expect(run.settled()).rejects.toThrow(new TypeError('the test is wrong'));
  });

  it('retries a failure after the time that the test skips', async () => {
    const shipping = await kit.workflow(orderShipping);
    kit.mock('fetch', ({ attempt }) =>
      attempt < 3
        ? failure('http_status', 'the shop is closed', { retryable: true })
        : httpOutput({ total: 1 }),
    );
    kit.mock('ship', () => {
      throw failure('no_stock');
    });
    const run = await (await shipping.start({ order_id: 'A-6' })).settled();
    expect([run.waitsFor(), kit.calls('fetch').length]).toEqual([['retry fetch'], 1]);
    await run.ended();
    expect(kit.calls('fetch').map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    expect([run.status, run.error?.code]).toEqual(['failed', 'no_stock']);
    expect(run.path()).toEqual(['fetch', 'large', 'ship!']);
    expect(run.step('fetch')).toMatchObject({ attempt: 3, status: 'completed' });
  });

  it('does not skip beyond a timer that became due meanwhile', async () => {
    const pause = defineWorkflow('pause', {}, (w) => w.delay('wait', { ms: 600_000 }));
    await (await (await kit.workflow(pause)).start()).settled();
    const url = new URL(kit.databaseUrl);
    const queries = new KitQueries(url.href);
    url.username = 'stepbase_worker';
    const nothing = () => undefined;
    const worker = await openWorker({
      url: url.href,
      standIn: (_call, run) => run(),
      isPending: () => queries.isPending(),
      ...{ onMail: nothing, onDelivery: nothing, onError: nothing },
    });
    try {
      await queries.advanceClock(700_000);
      // Not the time limit of the run, which is the next timer after the delay.
      expect(await worker.nextDueMs()).toBe(0);
    } finally {
      await worker.stop();
      await queries.close();
    }
  });

  it('starts runs by a schedule while time is skipped', async () => {
    const nightly = defineWorkflow('nightly', { input: z.object({ shop: z.string() }) }, (w) =>
      w.transform('shop', { expression: w.input.shop }),
    );
    await kit.workflow(nightly);
    const settings = {
      cron_expression: '0 3 * * *',
      timezone: 'Europe/Berlin',
      input: { shop: 'one' },
    };
    await kit.schedule('nightly', settings);
    expect(await kit.runs('nightly')).toEqual([]);
    await kit.skip('3 days');
    const runs = await kit.runs('nightly');
    expect(runs.map((run) => [run.status, run.result(), run.row.trigger_type])).toEqual(
      Array.from({ length: 3 }, () => ['completed', { shop: 'one' }, 'schedule']),
    );
    await expect(kit.schedule('hourly', settings)).rejects.toThrow(
      'the test has no workflow hourly',
    );
  });

  it('calls a handler of a component, with its schemas, failures and log', async () => {
    const sums = defineWorkflow('sums', { input: z.object({ n: z.unknown() }) }, (w) =>
      w.serviceTask(
        'sum',
        { component: 'sum', input: { n: w.input.n } },
        { retry: { max_attempts: 2 } },
      ),
    );
    const lines: string[] = [];
    const sum = handler({
      input: z.object({ n: z.number() }),
      output: z.object({ sum: z.number().max(10) }),
      run({ n }, ctx) {
        ctx.log.info('adding', { key: ctx.idempotencyKey });
        if (n === 0) throw new StepFailure('no_number', 'n is 0');
        if (n < 0 && ctx.attempt === 1) throw new TypeError('once');
        return { sum: n + 1 };
      },
    });
    await kit.component('sum', { output_schema: { type: 'object' } });
    const workflow = await kit.workflow(sums);
    kit.mock(
      'sum',
      handlerMock(sum, { onLog: ({ level, message }) => lines.push(level, message) }),
    );
    const end = async (n: unknown) => {
      const run = await (await workflow.start({ n })).ended();
      return run.result() ?? run.error?.code;
    };
    expect(await end(1)).toEqual({ sum: { sum: 2 } });
    expect(lines).toEqual(['info', 'adding']);
    expect(await end(-5)).toEqual({ sum: { sum: -4 } });
    expect([await end(0), await end('1'), await end(99)]).toEqual([
      'no_number',
      'invalid_input',
      'invalid_output',
    ]);
  });

  it('skips time from timer to timer', async () => {
    const reminders = defineWorkflow('reminders', {}, (w) => {
      const first = w.delay('first', { ms: 86_400_000 });
      const mail = w.sendEmail(
        'mail',
        { to: 'kim@customers.example', subject: 'Hello', text: 'Do you still need it?' },
        { after: first },
      );
      const second = w.delay('second', { ms: 86_400_000 }, { after: mail });
      const answer = w.waitForSignal(
        'answer',
        { signal_name: 'answered', timeout_ms: 7 * 86_400_000 },
        { after: second },
      );
      w.transform('late', { expression: '"late"' }, { after: answer.on('timeout') });
    });
    await kit.workflow(reminders, { execution_timeout_seconds: 14 * 86_400 });
    kit.mock({ type: 'send_email' }, () => ({ message_id: 'm1' }));
    const run = await kit.start('reminders');
    await kit.skip('23 hours');
    await run.settled();
    expect([run.waitsFor(), kit.calls('mail').length]).toEqual([['delay first'], 0]);
    // Both delays are over, the second began when the first ended.
    await kit.skip('26 hours');
    await run.settled();
    expect([run.path(), run.waitsFor()]).toEqual([
      ['first', 'mail', 'second'],
      ['signal answered (answer)'],
    ]);
    await run.ended();
    expect(run.result()).toEqual({ late: 'late' });

    const answered = await kit.start('reminders');
    await kit.skip('2 days 1 second');
    await answered.settled();
    await answered.signal('answered', { by: 'Kim' });
    expect(answered.path()).toEqual(['first', 'mail', 'second', 'answer']);
  });

  it('runs loops, children, compensation and code for real', async () => {
    const child = defineWorkflow('double', {}, (w) => {
      w.inlineCode('twice', { code: '({ input }) => input.n * 2' });
    });
    const parent = defineWorkflow('trip', { input: shape<{ cities: string[] }>() }, (w) => {
      const book = w.httpRequest(
        'book',
        { method: 'POST', url: 'https://travel.example/bookings' },
        {
          compensate: ({ step }) =>
            step.httpRequest({ method: 'DELETE', url: 'https://travel.example/bookings/1' }),
        },
      );
      const each = w.forEach(
        'each',
        {
          items: w.input.cities,
          step: ({ item, step }) => step.httpRequest({ url: `https://weather.example/${item}` }),
        },
        { after: book },
      );
      const sub = w.childWorkflow('sub', { workflow: 'double', input: { n: 4 } }, { after: each });
      w.transform('refuse', { expression: '$error("too cold")' }, { after: sub });
    });
    await kit.workflow(child);
    await kit.workflow(parent);
    kit.mock('book', () => httpOutput({ id: 1 }));
    kit.mock('each', ({ item, itemIndex }) => httpOutput({ item, itemIndex }));
    const run = await (await kit.start('trip', { cities: ['Rome', 'Oslo'] })).ended();
    expect(run.status).toBe('failed');
    expect(run.path()).toEqual(['book', 'each', 'sub', 'refuse!', '~book']);
    expect(run.output('each')).toMatchObject([
      { body: { item: 'Rome', itemIndex: 0 } },
      { body: { item: 'Oslo', itemIndex: 1 } },
    ]);
    expect(kit.calls('book').map(({ isCompensation }) => isCompensation)).toEqual([false, true]);
    const [started] = await run.children();
    expect(started?.result()).toEqual({ twice: 8 });
  });

  it('replays a recorded run, and tells what the current code does differently', async () => {
    const claim = (limit: number) =>
      defineWorkflow('claim', { input: shape<{ id: string }>() }, (w) => {
        const read = w.httpRequest(
          'read',
          { url: `https://claims.example/${w.input.id}` },
          { output: shape<{ amount: number }>(), retry: { max_attempts: 2 } },
        );
        const high = w.transform('high', {
          expression: expr<boolean>`${read.output.body.amount} > ${limit}`,
        });
        const paid = w.waitForSignal('paid', { signal_name: 'paid' }, { after: high });
        const wait = w.delay('wait', { ms: 60_000 }, { after: paid });
        const both = w.waitForApproval(
          'both',
          { title: 'Pay?', role: 'developer', approvals_required: 2, exclude_requester: true },
          { after: wait },
        );
        const form = w.userTask('form', { title: 'Address' }, { after: both.on('approved') });
        w.childWorkflow('letter', { workflow: 'letter', input: { to: form.output } });
      });
    const letter = defineWorkflow('letter', {}, (w) => {
      w.sendEmail('mail', { to: 'kim@customers.example', subject: 'Hello', text: 'Paid' });
    });
    await kit.workflow(letter);
    await kit.workflow(claim(100));
    kit.mock('read', ({ attempt }) =>
      attempt === 1 ? failure('busy', 'busy', { retryable: true }) : httpOutput({ amount: 500 }),
    );
    kit.mock('mail', () => ({ message_id: 'm1' }));
    const run = await (await kit.start('claim', { id: 'C-1' })).settled();
    await kit.skip('10 seconds');
    await run.settled();
    await run.signal('paid', { amount: 500 });
    await kit.skip('1 minute');
    await run.settled();
    await run.task('both').approve({ as: 'developer' });
    await run.task('both').approve({ as: 'developer:2', comment: 'fine' });
    await run.task('form').complete({ street: 'Main Street 1' });
    expect(run.status).toBe('completed');
    const recorded = await recordRun({
      get: () => Promise.resolve(run.row),
      steps: () => Promise.resolve([...run.steps]),
    });
    const fixture: Recording = JSON.parse(JSON.stringify(recorded));

    await kit.reset();
    await kit.workflow(letter);
    const same = await kit.replay(claim(100), fixture);
    expect(same.differences).toEqual([]);
    expect(same.run.path()).toEqual(run.path());
    expect(kit.calls('read').map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(await same.run.children()).toEqual([]);

    const changed = await kit.replay(claim(1_000), fixture);
    expect(changed.differences).toEqual(['the output of high is false instead of true']);
    const ignored = await kit.replay(claim(1_000), fixture, { ignore: ['high'] });
    expect(ignored.differences).toEqual([]);

    const more = defineWorkflow('claim', {}, (w) => {
      w.httpRequest('check', { url: 'https://claims.example' });
    });
    await expect(kit.replay(more, fixture)).rejects.toThrow(/the step check of claim .* no mock/);
    kit.mock('check', () => httpOutput({}));
    const { differences } = await kit.replay(more, fixture);
    expect(differences).toContain('the status of check is "completed" instead of "not reached"');
    await expect(
      recordRun({ get: async () => ({ ...run.row, status: 'running' }), steps: async () => [] }),
    ).rejects.toThrow(/has not ended yet/);
  });

  it('a reset leaves no workflow, no mock and no open run', async () => {
    await kit.workflow(orderShipping);
    kit.mock('fetch', () => httpOutput({ total: 700 }));
    const run = await (await kit.start('order-shipping', { order_id: 'A-7' })).settled();
    const before = kit.app;
    await kit.reset();
    expect((await run.settled()).status).toBe('cancelled');
    expect(kit.app).not.toBe(before);
    await expect(kit.start('order-shipping', { order_id: 'A-8' })).rejects.toThrow(
      /does not exist/,
    );
  });

  it('an invalid definition is refused with its problems', async () => {
    const wrong = { nodes: [{ id: 'a', type: 'transform', data: { config: {} } }], edges: [] };
    await expect(kit.workflow({ kebab_name: 'wrong', definition: wrong })).rejects.toThrow(
      /publish_workflow: .*expression/,
    );
  });

  it('kits of a process share a server, and each has its database and its clock', async () => {
    await using other = await createTestKit();
    expect(new URL(other.databaseUrl).port).toBe(new URL(kit.databaseUrl).port);
    expect(other.databaseUrl).not.toBe(kit.databaseUrl);
    await other.skip('1 day');
    const soon = defineWorkflow('soon', {}, (w) => {
      w.delay('wait', { ms: 3_600_000 });
    });
    await kit.workflow(soon);
    const run = await (await kit.start('soon')).settled();
    expect(run.waitsFor()).toEqual(['delay wait']);
  });
});

it('with the global setup, kits only connect to its server', async () => {
  const stop = await setup();
  try {
    const kit = await createTestKit();
    expect(new URL(kit.databaseUrl).host).toBe(new URL(process.env[SERVER_VARIABLE] ?? '').host);
    const workflow = defineWorkflow('one', {}, (w) => {
      w.transform('sum', { expression: '1 + 1' });
    });
    const run = await (await (await kit.workflow(workflow)).start()).settled();
    expect(run.result()).toEqual({ sum: 2 });
    await kit.close();
  } finally {
    await stop();
  }
  expect(process.env[SERVER_VARIABLE]).toBeUndefined();
});

it('the last kit stops the server and removes its files', async () => {
  const kit = await createTestKit();
  const folder = await dataDirectory(kit);
  expect(existsSync(folder)).toBe(true);
  const { port } = new URL(kit.databaseUrl);
  await kit.close();
  await kit.close();
  expect(existsSync(folder)).toBe(false);
  await expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow();
});
