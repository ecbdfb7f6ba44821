// An error is stored many times, so it is stored short.
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { StepError } from './errors.ts';

Deno.test('a long message and long details are cut', () => {
  const error = new StepError('code_failed', `é${'x'.repeat(3_000_000)}`, {
    details: { rows: Array.from({ length: 50_000 }, (_, at) => ({ at })) },
  });
  const stored = JSON.stringify(error);
  ok(stored.length < 20_000, `${stored.length} characters`);
  const { code, message, details } = JSON.parse(stored) as Record<string, unknown>;
  strictEqual(code, 'code_failed');
  ok(String(message).startsWith('éxxx'));
  deepStrictEqual(Object.keys(details as object), ['truncated']);
});

Deno.test('an ordinary error is stored as it is', () => {
  const error = new StepError('http_client_error', 'status 404', { details: { status: 404 } });
  deepStrictEqual(error.toJSON(), {
    code: 'http_client_error',
    message: 'status 404',
    retryable: false,
    details: { status: 404 },
  });
});
