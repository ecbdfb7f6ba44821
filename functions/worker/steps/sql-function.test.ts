// sql_function: what it asks the database, and the codes of its errors.

import assert from 'node:assert/strict';
import { failureOf, outputOf, testContext } from './testing.ts';
import type { FunctionCall } from './types.ts';

const CONFIG = { function: 'public.refund', arguments: { order_id: '{{ input.id }}', note: null } };

const databaseError = (code: string, message: string, detail?: object) =>
  Object.assign(new Error(message), { code, detail: detail && JSON.stringify(detail) });

const failing = (error: Error, timeoutMs?: number) =>
  testContext({
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    functions: { call: () => Promise.reject(error) },
  });

Deno.test('the function is called for the app with resolved arguments', async () => {
  const calls: FunctionCall[] = [];
  const ctx = testContext({
    input: { id: 7 },
    functions: {
      call: (call) => {
        calls.push(call);
        return Promise.resolve({ refunded: true });
      },
    },
  });
  assert.deepEqual(await outputOf('sql_function', CONFIG, ctx), { refunded: true });
  const [{ app, name, args, timeoutMs } = {} as FunctionCall] = calls;
  assert.deepEqual(
    [app, name, args, timeoutMs],
    ['acme', 'public.refund', { order_id: 7, note: null }, 10_000],
  );
});

Deno.test('without arguments an empty object is sent, with the time limit of the node', async () => {
  let call: FunctionCall | undefined;
  const ctx = testContext({
    timeoutMs: 500,
    functions: {
      call: (given) => {
        call = given;
        return Promise.resolve(null);
      },
    },
  });
  assert.equal(await outputOf('sql_function', { function: 'public.tick' }, ctx), null);
  assert.deepEqual([call?.args, call?.timeoutMs], [{}, 500]);
});

for (const reason of [
  'function_not_allowed',
  'invalid_arguments',
  'function_failed',
  'function_denied',
  'result_too_large',
]) {
  Deno.test(`${reason} is not retryable`, async () => {
    const error = databaseError('SB400', 'public.refund: no', { reason, sqlstate: 'P0001' });
    const { code, message, retryable, details } = await failureOf(
      'sql_function',
      CONFIG,
      failing(error),
    );
    assert.deepEqual(
      [code, message, retryable, details],
      [reason, 'public.refund: no', false, { sqlstate: 'P0001' }],
    );
  });
}

for (const code of ['40001', '40P01', '55P03', '53300', '57P01', '08006']) {
  Deno.test(`${code} is retryable`, async () => {
    const error = databaseError(code, 'later', code === '40P01' ? undefined : { any: 'text' });
    const failure = await failureOf('sql_function', CONFIG, failing(error));
    assert.deepEqual([failure.code, failure.retryable], ['function_unavailable', true]);
  });
}

Deno.test('a cancelled statement is a time-out', async () => {
  const { code, message, retryable } = await failureOf(
    'sql_function',
    CONFIG,
    failing(databaseError('57014', 'canceling statement due to statement timeout'), 250),
  );
  assert.deepEqual(
    [code, message, retryable],
    ['timeout', 'the function took longer than 250 ms', true],
  );
});

Deno.test('a detail that is no JSON does not hide the error', async () => {
  const error = Object.assign(new Error('odd'), { code: '22023', detail: 'Key (id)=(1)' });
  const { code, message } = await failureOf('sql_function', CONFIG, failing(error));
  assert.deepEqual([code, message], ['step_crashed', 'the step failed unexpectedly: odd']);
});

for (const name of ['refund', 'a.b.c', '.refund', 'public.']) {
  Deno.test(`${name} is no schema and name`, async () => {
    const { code } = await failureOf('sql_function', { function: name });
    assert.equal(code, 'invalid_config');
  });
}
