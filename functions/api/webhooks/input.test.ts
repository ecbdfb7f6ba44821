// The parts of a webhook call that reach the run.

import assert from 'node:assert/strict';
import { bodyOf, queryOf, safeHeaders } from './input.ts';

const encode = (text: string) => new TextEncoder().encode(text);

Deno.test('headers with credentials do not reach the run', () => {
  const given = new Headers({
    'content-type': 'application/json',
    'x-github-event': 'push',
    'x-shop-id': '7',
    authorization: 'a',
    apikey: 'a',
    cookie: 'a',
    'x-api-key': 'a',
    'x-hub-signature-256': 'a',
    'x-gitlab-token': 'a',
    'x-forwarded-for': 'a',
    'x-client-info': 'a',
    'x-csrf-session': 'a',
    accept: 'a',
  });
  assert.deepEqual(safeHeaders(given), {
    'content-type': 'application/json',
    'x-github-event': 'push',
    'x-shop-id': '7',
  });
});

Deno.test('the body is parsed by its content type, the query by its names', () => {
  assert.deepEqual(bodyOf(encode('{"a":1}'), 'application/vnd.x+json; charset=utf-8'), { a: 1 });
  assert.equal(bodyOf(encode('{"a":1}'), 'text/plain'), '{"a":1}');
  const unsafe = '{"order":{"id":7615917337495251231,"total":12345678901234567.89}}';
  assert.equal(JSON.stringify(bodyOf(encode(unsafe), 'application/json')), unsafe);
  assert.equal(bodyOf(encode(''), 'application/json'), null);
  assert.throws(() => bodyOf(encode('{'), 'application/json'), { code: 'invalid_request' });
  assert.throws(() => bodyOf(new Uint8Array([0xff]), null), { code: 'unsupported_media_type' });
  assert.deepEqual(queryOf('http://x/y?a=1&b=2&a=3&c'), { a: ['1', '3'], b: '2', c: '' });
});
