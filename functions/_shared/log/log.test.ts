// Log lines are JSON, and secrets are masked by name and by form, at any depth.
import { deepStrictEqual, match, ok, strictEqual } from 'node:assert/strict';
import { createLog } from './log.ts';
import { redact } from './redact.ts';

Deno.test('a line has time, level, message and the fields of its parent logs', () => {
  const lines: string[] = [];
  const log = createLog({
    level: 'info',
    fields: { function: 'api' },
    write: (l) => lines.push(l),
  });
  log.debug('too small');
  log.with({ request_id: 'r1' }).warn('careful', { ms: 3 });
  strictEqual(lines.length, 1);
  const { time, ...rest } = JSON.parse(lines[0] ?? '');
  match(time, /^\d{4}-\d\d-\d\dT/);
  deepStrictEqual(rest, {
    level: 'warn',
    message: 'careful',
    function: 'api',
    request_id: 'r1',
    ms: 3,
  });
});

Deno.test('fields with the name of a secret are masked', () => {
  deepStrictEqual(
    redact({ headers: { Authorization: 'x', apikey: 'y' }, password: 'z', app_code: 'a' }),
    {
      headers: { Authorization: '***', apikey: '***' },
      password: '***',
      app_code: 'a',
    },
  );
});

Deno.test('values in the form of a secret are masked in any text', () => {
  const key = `sbk_${'a'.repeat(43)}`;
  const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl';
  const text = `used ${key} and sb_secret_abc, ${jwt}, Bearer abc.def at postgres://u:pw@h/db`;
  const masked = String(redact(text));
  for (const secret of ['aaaa', 'abc', 'eyJzdWIi', 'c2lnb', 'pw@'])
    ok(!masked.includes(secret), masked);
});

Deno.test('errors are logged with code and cause, masked', () => {
  const error = new Error('failed with sb_secret_abc', {
    cause: Object.assign(new Error('deep'), { code: 'ECONNREFUSED' }),
  });
  const line = JSON.stringify(redact({ error }));
  ok(line.includes('ECONNREFUSED') && line.includes('deep') && !line.includes('secret_abc'));
});

Deno.test('deep, long and circular values are cut', () => {
  const loop: Record<string, unknown> = {};
  loop.self = loop;
  ok(JSON.stringify(redact(loop)).length < 200);
  ok(String(redact('x'.repeat(100_000))).length < 5_000);
});
