// Webhooks: the signatures of calls, and the parts of a call that reach the run.

import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { bodyOf, queryOf, safeHeaders } from './input.ts';
import { isSigned, readCall, sign } from './signature.ts';

const encode = (text: string) => new TextEncoder().encode(text);
// The example of the Standard Webhooks libraries: we accept their signatures.
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const ID = 'msg_p5jXN8AQM9LWM0D4loKWxJek';
const TIMESTAMP = 1614265330;
const BODY = encode('{"test": 2432232314}');
const SIGNATURE = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=';
const NOW = new Date(TIMESTAMP * 1000);

const headers = (more: Record<string, string> = {}) =>
  new Headers({
    'webhook-id': ID,
    'webhook-timestamp': String(TIMESTAMP),
    'webhook-signature': SIGNATURE,
    ...more,
  });

Deno.test('a Standard Webhooks signature is accepted', () => {
  const call = readCall(headers(), NOW);
  assert.deepEqual({ id: call.id, timestamp: call.timestamp }, { id: ID, timestamp: TIMESTAMP });
  assert.equal(isSigned(call, [SECRET], BODY), true);
  assert.equal(
    `v1,${Buffer.from(sign(SECRET, ID, TIMESTAMP, BODY)).toString('base64')}`,
    SIGNATURE,
  );
});

Deno.test('one of several signatures by one of several secrets is accepted', () => {
  const other = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
  const several = headers({ 'webhook-signature': `v1a,x v1,AAAA ${SIGNATURE} v2,y` });
  assert.equal(isSigned(readCall(several, NOW), [other, SECRET], BODY), true);
  assert.equal(isSigned(readCall(several, NOW), [other], BODY), false);
  assert.equal(isSigned(readCall(several, NOW), [], BODY), false);
});

Deno.test('a signature of another body, id, time or secret is refused', () => {
  const signed = (more: Record<string, string>, body = BODY) =>
    isSigned(readCall(headers(more), NOW), [SECRET], body);
  assert.equal(signed({}, encode('{"test": 2432232315}')), false);
  assert.equal(signed({ 'webhook-id': 'msg_other' }), false);
  assert.equal(signed({ 'webhook-timestamp': String(TIMESTAMP + 1) }), false);
  assert.equal(signed({ 'webhook-signature': SIGNATURE.replace('g0', 'g1') }), false);
  assert.equal(signed({ 'webhook-signature': 'v1,' }), false);
});

Deno.test('a call that is too old, in the future or without its headers is refused', () => {
  const refused = (more: Record<string, string>, at = NOW) =>
    assert.throws(() => readCall(headers(more), at), { code: 'not_authenticated' });
  refused({}, new Date(NOW.getTime() + 301_000));
  refused({}, new Date(NOW.getTime() - 301_000));
  for (const name of ['webhook-id', 'webhook-timestamp', 'webhook-signature'])
    refused({ [name]: '' });
  refused({ 'webhook-id': 'x'.repeat(129) });
  refused({ 'webhook-id': `${ID}.${TIMESTAMP}` });
  refused({ 'webhook-id': '.' });
  refused({ 'webhook-timestamp': '1e9' });
  assert.ok(readCall(headers(), new Date(NOW.getTime() + 299_000)));
});

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
