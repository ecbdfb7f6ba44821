// Which errors are retried: the error decides, unless the policy of the node names its code, HTTP status
// or class. (time.clock.test.ts tests the delays.)

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Shop, startShop } from '../../../scripts/fakes/shop.ts';
import type { Json } from '../../../types/database.ts';
import { codeOf, type Ended, node, type TestApp, testApp, value } from '../support.ts';

let b: TestApp;
let shop: Shop;
beforeAll(async () => {
  [b, shop] = await Promise.all([testApp(), startShop()]);
});
afterAll(() => shop?.stop());

const QUICK = { max_attempts: 3, backoff: 'fixed', delay_ms: 1 };

function ask(path: string, retry: Record<string, Json>, config: Record<string, Json> = {}) {
  return node('ask', 'http_request', { url: `${shop.url}${path}`, ...config }, { retry });
}

const attempts = (ended: Ended) => ended.all.map(({ attempt, status }) => `${attempt} ${status}`);
const FAILED_ONCE = ['1 failed'];
const FAILED_THRICE = ['1 failed', '2 failed', '3 failed'];

describe.concurrent('a retry policy', () => {
  test('retries 503 and 429 and does not retry 404, by default', async () => {
    const [busy, limited, absent] = await Promise.all(
      ['503', '429', '404'].map((status) => b.run([ask(`/status/${status}`, QUICK)])),
    );
    expect(attempts(busy as Ended)).toEqual(FAILED_THRICE);
    expect(attempts(limited as Ended)).toEqual(FAILED_THRICE);
    expect(attempts(absent as Ended)).toEqual(FAILED_ONCE);
  });

  test.each([['4xx'], [404], ['404'], ['http_client_error']])(
    'with retry_on: %s retries a 404',
    async (told) => {
      const ended = await b.run([ask('/status/404', { ...QUICK, retry_on: [told] })]);
      expect(attempts(ended)).toEqual(FAILED_THRICE);
    },
  );

  test('with retry_on does not change the errors that it does not name', async () => {
    const [refused, busy] = await Promise.all([
      b.run([ask('/status/403', { ...QUICK, retry_on: [404, '5xx'] })]),
      b.run([ask('/status/503', { ...QUICK, retry_on: [404] })]),
    ]);
    expect(attempts(refused)).toEqual(FAILED_ONCE);
    expect(attempts(busy)).toEqual(FAILED_THRICE);
  });

  test.each([['5xx'], [503], ['http_server_error']])(
    'with do_not_retry_on: %s ends at the first 503',
    async (told) => {
      const ended = await b.run([
        ask('/status/503', { ...QUICK, do_not_retry_on: [told], retry_on: ['5xx'] }),
      ]);
      expect(attempts(ended)).toEqual(FAILED_ONCE);
      expect(ended.run.error).toMatchObject({ code: 'http_server_error', step_id: 'ask' });
    },
  );

  test('starts no attempt later than max_elapsed_ms after the start of the first', async () => {
    const ended = await b.run([
      ask('/status/503', { ...QUICK, max_attempts: 10, delay_ms: 60_000, max_elapsed_ms: 59_000 }),
    ]);
    expect(attempts(ended)).toEqual(FAILED_ONCE);
    const patient = await b.run([ask('/status/503', { ...QUICK, max_elapsed_ms: 59_000 })]);
    expect(attempts(patient)).toEqual(FAILED_THRICE);
  });

  test('aborts the attempt in flight at max_elapsed_ms, without a retry', async () => {
    const retry = { ...QUICK, max_elapsed_ms: 200 };
    const cut = await b.run([ask('/slow?ms=20000', retry)]);
    expect(attempts(cut)).toEqual(FAILED_ONCE);
    expect(cut.run.error).toMatchObject({ code: 'timeout', message: 'the step ran out of time' });
    const { statuses } = await b.run(
      [node('hear', 'wait_for_signal', { signal_name: 'never' }, { retry }), value('late')],
      ['hear > late : timeout'],
    );
    expect(statuses).toEqual({ hear: 'failed', late: 'completed' });
  });

  test('keeps the input, the error and the event of every attempt', async () => {
    const key = randomUUID();
    const ended = await b.run([ask(`/flaky/${key}?fail=2`, QUICK)]);
    expect(ended.run.status).toBe('completed');
    expect(attempts(ended)).toEqual(['1 failed', '2 failed', '3 completed']);
    for (const step of ended.all) {
      expect(step.input).toMatchObject({ url: expect.stringContaining(key) });
      expect(step.started_at).not.toBeNull();
      expect(step.completed_at).not.toBeNull();
    }
    expect(ended.all[0]?.error).toMatchObject({
      code: 'http_server_error',
      retryable: true,
      details: { status: 503, body: { attempt: 1 } },
    });
    expect(ended.all[1]?.error).toMatchObject({ details: { body: { attempt: 2 } } });
    expect(ended.step('ask').output).toMatchObject({ body: { attempts: 3 } });
    const { data } = await b.developer
      .from('run_events')
      .select('event_type, attempt')
      .eq('run_id', ended.run.id)
      .eq('step_id', 'ask')
      .order('seq');
    expect(data?.map((e) => `${e.event_type} ${e.attempt}`)).toEqual([
      'step.started 1',
      'step.retrying 1',
      'step.started 2',
      'step.retrying 2',
      'step.started 3',
      'step.completed 3',
    ]);
  });

  test('takes the error edge at the last attempt only', async () => {
    const { run, all, statuses } = await b.run(
      [ask('/status/503', QUICK), value('well'), value('repair', 'steps.ask.output.error.code')],
      ['ask > well', 'ask > repair : error'],
    );
    expect(run.output).toEqual({ repair: 'http_server_error' });
    expect(statuses).toMatchObject({ well: 'skipped', repair: 'completed' });
    expect(all.filter((s) => s.step_id === 'ask').map((s) => s.handle)).toEqual([
      null,
      null,
      'error',
    ]);
  });

  test('starts a failed child again as a new run if retry_on names it', async () => {
    const child = await b.publish([
      node('ask', 'http_request', { url: `${shop.url}/flaky/${randomUUID()}?fail=1&status=400` }),
    ]);
    const { run, all } = await b.run([
      node(
        'call',
        'child_workflow',
        { workflow: child },
        { retry: { ...QUICK, retry_on: ['child_failed'] } },
      ),
    ]);
    expect(run.status).toBe('completed');
    expect(all.map(({ attempt, status }) => `${attempt} ${status}`)).toEqual([
      '1 failed',
      '2 completed',
    ]);
    const { data } = await b.developer.from('runs').select('status').eq('parent_run_id', run.id);
    expect(data?.map(({ status }) => status).sort()).toEqual(['completed', 'failed']);
  });

  test('does not repeat a for_each after an item has failed for good', async () => {
    const ended = await b.run([
      node(
        'each',
        'for_each',
        {
          items: [1],
          step: { type: 'http_request', config: { url: `${shop.url}/status/404` } },
        },
        { retry: { ...QUICK, max_attempts: 2, retry_on: ['4xx'] } },
      ),
    ]);
    expect(ended.run.status).toBe('failed');
    expect(ended.all.map((s) => `${s.item_index}.${s.attempt} ${s.status}`)).toEqual([
      '0.1 failed',
      '1.1 failed',
      '1.2 failed',
    ]);
  });

  test('leaves the timeout edge to an HTTP call that has timed out', async () => {
    const { statuses, step } = await b.run(
      [
        node('ask', 'http_request', { url: `${shop.url}/slow?ms=5000` }, { timeout_ms: 100 }),
        value('late'),
        value('repair'),
      ],
      ['ask > late : timeout', 'ask > repair : error'],
    );
    expect(statuses).toMatchObject({ ask: 'failed', late: 'completed', repair: 'skipped' });
    expect(step('ask').error).toMatchObject({ code: expect.stringMatching(/timeout$/) });
  });

  test('is checked when the workflow is published', async () => {
    for (const retry of [
      { retry_on: ['4xx'] },
      { max_attempts: 2, retry_on: '4xx' },
      { max_attempts: 2, max_elapsed_ms: 0 },
      { max_attempts: 2, retry_if: ['4xx'] },
    ]) {
      const definition = { nodes: [value('a', '1', { retry })], edges: [] };
      const saved = await b.developer
        .rpc('save_workflow', { kebab_name: `t-${randomUUID()}`, definition })
        .single<{ id: string }>();
      const made = await b.developer.rpc('publish_workflow', {
        workflow_version_id: saved.data?.id,
      });
      expect(codeOf(made as never)).toBe('SB423 invalid_definition');
    }
  });
});
