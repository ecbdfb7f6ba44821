// What a browser asks of the gateway for a page of another origin: the preflight of every call that supabase-js makes, and
// the headers that its script may read.

import { expect, test } from 'vitest';
import { stackInfo } from '../support/stack.ts';

const FROM = { origin: 'http://app.example' };
/** supabase-js sends these with all its calls. */
const ALL = ['authorization', 'apikey', 'x-client-info'];

test.each([
  ['POST', '/auth/v1/token?grant_type=refresh_token', 'content-type', 'x-supabase-api-version'],
  ['PUT', '/auth/v1/user', 'content-type', 'x-supabase-api-version'],
  ['DELETE', '/auth/v1/factors/1', 'content-type', 'x-supabase-api-version'],
  ['GET', '/rest/v1/runs', 'accept-profile', 'prefer', 'range', 'range-unit'],
  ['HEAD', '/rest/v1/runs', 'accept-profile', 'prefer', 'x-retry-count'],
  ['POST', '/rest/v1/rpc/start_run', 'content-profile', 'content-type', 'prefer'],
  ['PATCH', '/rest/v1/workflows', 'content-profile', 'content-type', 'prefer'],
  ['DELETE', '/rest/v1/schedules', 'content-profile', 'prefer'],
  ['POST', '/storage/v1/object/files/a', 'cache-control', 'x-upsert', 'x-metadata', 'duplex'],
  ['DELETE', '/storage/v1/object/files', 'content-type'],
  ['POST', '/realtime/v1/api/broadcast', 'content-type'],
  ['POST', '/functions/v1/stepbase-api/v1/runs', 'content-type', 'idempotency-key'],
  ['PATCH', '/functions/v1/stepbase-api/v1/workflows/a', 'content-type', 'if-match', 'prefer'],
  ['GET', '/functions/v1/stepbase-api/v1/runs/1/events', 'last-event-id', 'stepbase-lsn'],
])('a page of another origin may send %s %s with its headers', async (method, path, ...headers) => {
  const asked = [...ALL, ...headers];
  const { status, headers: answered } = await fetch(`${stackInfo().api_url}${path}`, {
    method: 'OPTIONS',
    headers: {
      ...FROM,
      'access-control-request-method': method,
      'access-control-request-headers': asked.toSorted().join(','),
    },
  });
  expect([200, 204]).toContain(status);
  expect(answered.get('access-control-allow-origin')).toBe('*');
  const list = (name: string) =>
    (answered.get(name) ?? '').split(',').map((item) => item.trim().toLowerCase());
  expect(list('access-control-allow-methods')).toContain(method.toLowerCase());
  // `*` does not stand for authorization (Fetch Standard, CORS-preflight fetch).
  expect(list('access-control-allow-headers')).toEqual(expect.arrayContaining(asked));
});

test.each([
  ['/rest/v1/workflows?limit=1', 'content-range'],
  ['/auth/v1/user', 'x-supabase-api-version', 'x-sb-error-code'],
  ['/functions/v1/stepbase-api/v1/workflows', 'x-request-id', 'retry-after', 'stepbase-lsn'],
  ['/storage/v1/object/files/missing'],
  ['/rest/v1/no_such_table'],
  ['/nowhere'],
])('its script can read the answer of %s', async (path, ...exposed) => {
  const { headers } = await fetch(`${stackInfo().api_url}${path}`, {
    headers: { ...FROM, apikey: stackInfo().publishable_key },
  });
  expect(headers.get('access-control-allow-origin')).toBe('*');
  const names = (headers.get('access-control-expose-headers') ?? '').toLowerCase().split(/, ?/);
  for (const name of exposed) {
    if (names[0] !== '*') expect(names).toContain(name);
  }
});
