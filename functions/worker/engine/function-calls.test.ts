// Calls of functions: two at a time, the apps in turn, and the statements of a call.

import assert from 'node:assert/strict';
import { settled } from '../../_shared/clock/testing.ts';
import type { Query } from '../../_shared/db/pool.ts';
import type { FunctionCall } from '../steps/types.ts';
import { createFunctionCalls } from './function-calls.ts';

interface Running {
  app: string;
  end(): void;
  fail(error: Error): void;
}

/** A database in which a call of a function runs until the test ends it. */
function setup() {
  const running: Running[] = [];
  const statements: { text: string; values: readonly unknown[] }[] = [];
  const abort = new AbortController();
  let waits = 0;
  const calls = createFunctionCalls({
    async transaction(work) {
      const query: Query = async <R extends object>(
        text: string,
        values: readonly unknown[] = [],
      ) => {
        statements.push({ text, values });
        if (!text.includes('call_function')) return [];
        const app = JSON.parse(String(values[3])).app as string;
        await new Promise<void>((resolve, reject) => {
          running.push({ app, end: resolve, fail: reject });
        });
        return [{ result: app }] as unknown as R[];
      };
      return await work(query);
    },
  });
  const call = (app: string, more: Partial<FunctionCall> = {}) =>
    calls.call('run', `run:${app}:0`, {
      app,
      name: 'public.f',
      args: { app },
      timeoutMs: 1_500.5,
      signal: abort.signal,
      async queueing(wait) {
        waits += 1;
        return await wait;
      },
      ...more,
    });
  return { call, running, statements, abort, waits: () => waits };
}

Deno.test('a call sets its time limit and calls the function in one transaction', async () => {
  const { call, running, statements } = setup();
  const result = call('a', { traceparent: '00-a' });
  await settled();
  running[0]?.end();
  assert.equal(await result, 'a');
  assert.deepEqual(
    statements.map(({ values }) => values),
    [
      [1_501, '00-a'],
      ['run', 'run:a:0', 'public.f', '{"app":"a"}'],
    ],
  );
  assert.match(statements[0]?.text ?? '', /set_config\('statement_timeout'/);
});

Deno.test('two calls run at a time, and the apps take turns', async () => {
  const { call, running, waits } = setup();
  const all = ['a', 'a', 'a', 'a', 'b'].map((app) => call(app));
  await settled();
  assert.deepEqual(
    running.map(({ app }) => app),
    ['a', 'a'],
  );
  running[0]?.end();
  await settled();
  running[1]?.end();
  await settled();
  assert.deepEqual(
    running.map(({ app }) => app),
    ['a', 'a', 'a', 'b'],
  );
  for (let next = 2; next < 5; next += 1) {
    running[next]?.end();
    await settled();
  }
  await Promise.all(all);
  assert.equal(waits(), 5, 'each call waited outside of its time limit');
});

Deno.test('a call that fails frees its connection', async () => {
  const { call, running } = setup();
  const failed = [call('a'), call('a')].map((result) => assert.rejects(result, /no/));
  await settled();
  for (const { fail } of running) fail(new Error('no'));
  await Promise.all(failed);
  const result = call('b');
  await settled();
  running[2]?.end();
  assert.equal(await result, 'b');
});

Deno.test('a call whose attempt ended while it waited is not made', async () => {
  const { call, running, abort } = setup();
  const others = [call('a'), call('a')];
  const late = assert.rejects(call('b', { signal: abort.signal }), /abort/i);
  await settled();
  abort.abort();
  for (const { end } of running.slice(0, 2)) end();
  await Promise.all(others);
  await late;
  assert.equal(running.length, 2);
});
