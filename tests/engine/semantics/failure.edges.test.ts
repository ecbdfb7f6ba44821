// A step that fails for good ends its run, takes an error edge, or has no effect on the run.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Shop, startShop } from '../../../scripts/fakes/shop.ts';
import { failing, node, type TestApp, testApp, value } from '../support.ts';

let b: TestApp;
let shop: Shop;
beforeAll(async () => {
  [b, shop] = await Promise.all([testApp(), startShop()]);
});
afterAll(() => shop.stop());

describe.concurrent('failure', () => {
  test('a failed step ends the run, and the other open steps are cancelled', async () => {
    const { run, statuses, step } = await b.run(
      [
        value('a'),
        failing('bad'),
        value('after'),
        node('long', 'delay', { ms: 60_000 }),
        node('asks', 'wait_for_approval', { title: 'Go on?' }),
        value('last'),
      ],
      ['a > long', 'a > asks', 'a > bad', 'bad > after', 'after > last', 'long > last'],
    );
    expect(run).toMatchObject({
      status: 'failed',
      error: { step_id: 'bad', message: expect.stringContaining('bad fails') },
      output: null,
    });
    // A step that was never reached has no step run.
    expect(Object.keys(statuses)).not.toContain('after');
    expect(statuses.a).toBe('completed');
    expect(statuses.bad).toBe('failed');
    for (const open of ['long', 'asks']) expect(['cancelled', undefined]).toContain(statuses[open]);
    expect(step('bad').error).toMatchObject({ code: expect.any(String), retryable: false });
  });

  test('a failed step takes its error edge, with the error as its output, and no other edge', async () => {
    const { run, statuses, step } = await b.run(
      [failing('bad'), value('well'), value('repair', 'steps.bad.output.error.message')],
      ['bad > well', 'bad > repair : error'],
    );
    expect(run.status).toBe('completed');
    expect(statuses).toEqual({ bad: 'failed', well: 'skipped', repair: 'completed' });
    expect(step('bad').handle).toBe('error');
    expect(run.output).toMatchObject({ repair: expect.stringContaining('bad fails') });
  });

  test('a step that completes skips its error edge', async () => {
    const { statuses } = await b.run(
      [value('good'), value('well'), value('repair')],
      ['good > well', 'good > repair : error'],
    );
    expect(statuses).toEqual({ good: 'completed', well: 'completed', repair: 'skipped' });
  });

  test('a step with continue-on-error takes its plain edges', async () => {
    const { run, statuses } = await b.run(
      [
        failing('bad', { on_error: 'continue' }),
        value('next', '$exists(steps.bad.output.error)'),
        value('fine'),
        value('join', '"both"'),
      ],
      ['bad > next', 'next > join', 'fine > join'],
    );
    expect(run).toMatchObject({
      status: 'completed',
      output: { join: 'both' },
      steps_completed: 4,
    });
    expect(statuses).toEqual({
      bad: 'failed',
      next: 'completed',
      fine: 'completed',
      join: 'completed',
    });
    expect(run.context).toMatchObject({ next: true });
  });

  test('an attempt that times out takes the timeout edge, not the error edge', async () => {
    const { run, statuses, step } = await b.run(
      [
        node('slow', 'http_request', { url: `${shop.url}/slow?ms=20000` }, { timeout_ms: 150 }),
        value('in_time'),
        value('late', '"too late"'),
        value('broken'),
      ],
      ['slow > in_time', 'slow > late : timeout', 'slow > broken : error'],
    );
    expect(run).toMatchObject({ status: 'completed', output: { late: 'too late' } });
    expect(statuses).toEqual({
      slow: 'failed',
      in_time: 'skipped',
      late: 'completed',
      broken: 'skipped',
    });
    // The limit of the attempt and that of the call are the same; either may end it.
    const code = expect.stringMatching(/^(http_)?timeout$/);
    expect(step('slow')).toMatchObject({ handle: 'timeout', error: { code } });
  });

  test('a timeout takes the error edge if there is no timeout edge, and otherwise fails the run', async () => {
    const slow = node(
      'slow',
      'http_request',
      { url: `${shop.url}/slow?ms=20000` },
      { timeout_ms: 100 },
    );
    const [handled, unhandled] = await Promise.all([
      b.run([slow, value('broken')], ['slow > broken : error']),
      b.run([slow, value('next')], ['slow > next']),
    ]);
    expect(handled.statuses).toEqual({ slow: 'failed', broken: 'completed' });
    expect(unhandled.run).toMatchObject({
      status: 'failed',
      error: { code: 'timeout', step_id: 'slow' },
    });
  });

  test('a 4xx response is retried only if retry_on names it', async () => {
    const request = (config: Record<string, unknown>) =>
      node('ask', 'http_request', { url: `${shop.url}/status/404`, ...config } as never, {
        retry: { max_attempts: 3, backoff: 'fixed', delay_ms: 1 },
      });
    const [plain, told] = await Promise.all([
      b.run([request({})]),
      b.run([request({ retry_on: ['4xx'] })]),
    ]);
    expect(plain.all).toHaveLength(1);
    expect(plain.run.status).toBe('failed');
    expect(told.all.map((s) => [s.attempt, s.status])).toEqual([
      [1, 'failed'],
      [2, 'failed'],
      [3, 'failed'],
    ]);
  });

  test('a template that cannot be resolved fails only its step', async () => {
    const { run, step } = await b.run([
      node('ask', 'http_request', { url: '{{ $error("no url") }}' }),
    ]);
    expect(run.status).toBe('failed');
    expect(step('ask').error).toMatchObject({ message: expect.stringContaining('no url') });
  });

  test('two branches that fail at once end the run once', async () => {
    const { run } = await b.run([failing('one'), failing('two'), failing('three')]);
    expect(run.status).toBe('failed');
    const { data } = await b.developer
      .from('run_events')
      .select('event_type')
      .eq('run_id', run.id)
      .eq('event_type', 'run.failed');
    expect(data).toHaveLength(1);
  });
});
