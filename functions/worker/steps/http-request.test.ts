// http_request against a real server: requests, responses, retryable errors, and every limit.

import assert from 'node:assert/strict';
import { startShop } from '../../../scripts/fakes/shop.ts';
import { canPin } from './connect.ts';
import { createEgressPolicy } from './egress.ts';
import { afterAll, failureOf, outputOf, runStep, testContext, testEnv } from './testing.ts';
import type { StepError } from './types.ts';

const shop = await startShop();
afterAll(() => shop.stop());

interface Echo {
  status: number;
  headers: Record<string, string>;
  body: {
    method: string;
    path: string;
    query: Record<string, string>;
    headers: Record<string, string>;
    body: unknown;
    text: string;
  };
}

const echo = async (
  config: Record<string, unknown>,
  secrets: Record<string, string> = {},
): Promise<Echo> =>
  (await outputOf(
    'http_request',
    { url: `${shop.url}/echo`, ...config },
    testContext(),
    secrets,
  )) as Echo;

Deno.test('a GET parses JSON and lower-cases header names', async () => {
  const output = (await outputOf('http_request', { url: `${shop.url}/orders/1001` })) as Echo;
  assert.equal(output.status, 200);
  assert.equal(output.headers['content-type'], 'application/json');
  assert.equal((output.body as unknown as { id: string }).id, '1001');
});

Deno.test('method, query, headers and a JSON body are sent; a POST carries the idempotency key', async () => {
  const { body } = await echo({
    method: 'post',
    query: { page: 2, tag: 'new & old', none: null },
    headers: { 'X-Trace': 'abc', 'X-Number': 7, 'X-None': null },
    body: { a: [1, true] },
  });
  assert.equal(body.method, 'POST');
  assert.deepEqual(body.query, { page: '2', tag: 'new & old' });
  assert.equal(body.headers['x-trace'], 'abc');
  assert.equal(body.headers['x-number'], '7');
  assert.equal(body.headers['x-none'], undefined);
  assert.equal(body.headers['content-type'], 'application/json');
  assert.equal(body.headers['idempotency-key'], 'run-1:step:0');
  assert.deepEqual(body.body, { a: [1, true] });
});

Deno.test('a GET carries no idempotency key and cannot have a body', async () => {
  assert.equal((await echo({})).body.headers['idempotency-key'], undefined);
  const error = await failureOf('http_request', { url: `${shop.url}/echo`, body: { a: 1 } });
  assert.equal(error.code, 'invalid_config');
});

Deno.test('a body is form-encoded if the content type requires it', async () => {
  const { body } = await echo({
    method: 'PUT',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: { a: 'x y', b: 2 },
  });
  assert.equal(body.text, 'a=x+y&b=2');
});

Deno.test('a secret is sent but masked in the output', async () => {
  const { body } = await echo(
    { headers: { authorization: "{{ 'Bearer ' & secrets.token }}" } },
    { token: 'very-secret-token' },
  );
  assert.equal(body.headers.authorization, 'Bearer ***');
  assert.ok(
    shop.requests.all.some((seen) => seen.headers.authorization === 'Bearer very-secret-token'),
  );
});

Deno.test('4xx is not retryable; 429 and 5xx are', async () => {
  const gone = await failureOf('http_request', { url: `${shop.url}/status/404` });
  assert.deepEqual([gone.code, gone.retryable], ['http_client_error', false]);
  assert.deepEqual(gone.details, { status: 404, body: { status: 404 } });
  const limited = await failureOf('http_request', { url: `${shop.url}/status/429?retry_after=3` });
  assert.deepEqual(
    [limited.code, limited.retryable, limited.retryAfterMs],
    ['http_rate_limited', true, 3_000],
  );
  const broken = await failureOf('http_request', { url: `${shop.url}/status/503` });
  assert.deepEqual([broken.code, broken.retryable], ['http_server_error', true]);
});

Deno.test('retry_on makes a 4xx retryable, accept_status makes it a result', async () => {
  const told = await failureOf('http_request', { url: `${shop.url}/status/409`, retry_on: [409] });
  assert.equal(told.retryable, true);
  const output = (await outputOf('http_request', {
    url: `${shop.url}/status/404`,
    accept_status: [404],
  })) as Echo;
  assert.equal(output.status, 404);
});

Deno.test('a refused connection is a retryable network error', async () => {
  const error = await failureOf('http_request', { url: 'http://127.0.0.1:1/private?key=hidden' });
  assert.deepEqual([error.code, error.retryable], ['network_error', true]);
  assert.ok(!error.message.includes('hidden'), error.message);
});

Deno.test('a slow server causes a time-out', async () => {
  const env = testEnv();
  const ctx = testContext({ env: { ...env, limits: { ...env.limits, httpTimeoutMs: 100 } } });
  const error = await failureOf('http_request', { url: `${shop.url}/slow?ms=5000` }, ctx);
  assert.deepEqual([error.code, error.retryable], ['http_timeout', true]);
});

Deno.test('under the time limit of the node a call ends with the attempt only, so the code is always the same', async () => {
  const plain = testEnv();
  const env = { ...plain, limits: { ...plain.limits, httpTimeoutMs: 100 } };
  const url = `${shop.url}/slow?ms=5000`;
  for (const [type, config] of Object.entries({ http_request: {}, webhook: { payload: {} } })) {
    const signal = AbortSignal.timeout(300);
    const ctx = testContext({ timeoutMs: 100, signal, env });
    const error = await failureOf(type, { url, ...config }, ctx);
    assert.deepEqual([error.code, error.retryable, signal.aborted], ['timeout', true, true], type);
  }
});

Deno.test('a cancelled attempt ends at once and is not retryable', async () => {
  const controller = new AbortController();
  const started = Date.now();
  setTimeout(() => controller.abort(), 50);
  const error = await failureOf(
    'http_request',
    { url: `${shop.url}/slow?ms=5000` },
    testContext({ signal: controller.signal }),
  );
  assert.deepEqual([error.code, error.retryable], ['cancelled', false]);
  assert.ok(Date.now() - started < 2_000);
});

Deno.test('a response beyond the limit is refused, also without a content length', async () => {
  for (const form of ['', '&chunked=1']) {
    const error = await failureOf('http_request', {
      url: `${shop.url}/large?bytes=200000${form}`,
      max_response_bytes: 100_000,
    });
    assert.equal(error.code, 'http_response_too_large');
  }
});

Deno.test('redirects are followed up to a limit', async () => {
  const output = await echo({ url: `${shop.url}/redirect?to=/echo%3Fhere=1` });
  assert.deepEqual(output.body.query, { here: '1' });
  const loop = await failureOf(
    'http_request',
    {
      url: `${shop.url}/redirect?to=${encodeURIComponent('/redirect?to=/redirect')}`,
    },
    testContext({ env: testEnv({}, { limits: { ...testEnv().limits, redirects: 1 } }) }),
  );
  assert.equal(loop.code, 'http_too_many_redirects');
});

Deno.test('a redirect to another origin is followed without body and credentials', async () => {
  const other = await startShop();
  const headers = {
    authorization: 'Bearer x',
    'x-api-key': 'x',
    'x-anything': 'x',
    cookie: 'x',
    'content-type': 'text/plain',
    accept: 'text/html',
    'accept-language': 'de',
    'user-agent': 'shop/1',
  };
  try {
    for (const status of [301, 302, 303, 307, 308]) {
      const to = encodeURIComponent(`${other.url}/echo`);
      const output = await echo({ url: `${shop.url}/redirect?status=${status}&to=${to}`, headers });
      assert.equal(output.body.method, 'GET');
      const received = Object.keys(output.body.headers).sort();
      assert.deepEqual(
        received.filter((name) => name !== 'host' && name !== 'connection'),
        ['accept', 'accept-encoding', 'accept-language', 'user-agent'],
      );
    }
  } finally {
    await other.stop();
  }
});

Deno.test('any other method fails at a redirect to another origin, and sends nothing there', async () => {
  const other = await startShop();
  try {
    for (const status of [301, 302, 303, 307, 308]) {
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
        const to = encodeURIComponent(`${other.url}/echo`);
        const url = `${shop.url}/redirect?status=${status}&to=${to}`;
        const error = await failureOf('http_request', { method, url, body: { a: 1 } });
        assert.deepEqual([error.code, error.retryable], ['http_cross_origin_redirect', false]);
      }
    }
    assert.equal(other.requests.all.length, 0);
  } finally {
    await other.stop();
  }
});

Deno.test('a secret that names its hosts is sent to them and to no other, on every hop', async () => {
  const other = await startShop();
  const { host, hostname } = new URL(shop.url);
  const send = (url: string, ...hosts: string[]) =>
    runStep(
      'http_request',
      { url, headers: { authorization: '{{ secrets.token }}' } },
      testContext(),
      { token: { value: 'very-secret-token', hosts } },
    ).then(
      () => 'sent',
      (error: StepError) => error.code,
    );
  const redirect = (to: string) => `${shop.url}/redirect?to=${encodeURIComponent(to)}`;
  try {
    assert.equal(await send(`${shop.url}/echo`, host), 'sent');
    assert.equal(await send(`${shop.url}/echo`, 'api.example', hostname), 'sent');
    assert.equal(await send(redirect('/echo'), host), 'sent');
    for (const hosts of [[], ['api.example'], ['*.0.1'], [`${hostname}:1`], [`x${hostname}`]]) {
      assert.equal(await send(`${shop.url}/echo`, ...hosts), 'secret_host_not_allowed');
    }
    assert.equal(await send(redirect(`${other.url}/echo`), host), 'secret_host_not_allowed');
    assert.equal(other.requests.all.length, 0);
  } finally {
    await other.stop();
  }
});

Deno.test('a POST answered with 303 becomes a GET without its body', async () => {
  const output = await echo({
    method: 'POST',
    url: `${shop.url}/redirect?status=303&to=/echo`,
    body: { a: 1 },
  });
  assert.equal(output.body.method, 'GET');
  assert.equal(output.body.text, '');
});

Deno.test('invalid JSON has its own error code', async () => {
  const error = await failureOf('http_request', { url: `${shop.url}/broken-json` });
  assert.equal(error.code, 'http_invalid_json');
});

Deno.test('the error of an invalid config names the part', async () => {
  const error = await failureOf('http_request', { url: 'ftp://example.com/', method: 'FETCH' });
  assert.equal(error.code, 'invalid_config');
  assert.deepEqual((error.details as { path: string }[]).map((problem) => problem.path).sort(), [
    'method',
    'url',
  ]);
});

Deno.test('a private address is refused unless the operator allows it', async () => {
  const closed = testContext({ env: testEnv({ STEPBASE_ALLOW_PRIVATE_NETWORK: '' }) });
  const error = await failureOf('http_request', { url: `${shop.url}/echo` }, closed);
  assert.deepEqual([error.code, error.retryable], ['egress_blocked', false]);
  const { host } = new URL(shop.url);
  const listed = testContext({
    env: testEnv({ STEPBASE_ALLOW_PRIVATE_NETWORK: '', STEPBASE_EGRESS_ALLOW: host }),
  });
  const output = (await outputOf('http_request', { url: `${shop.url}/echo` }, listed)) as Echo;
  assert.equal(output.status, 200);
  // The target of a redirect is checked like the first address.
  const away = await failureOf(
    'http_request',
    { url: `${shop.url}/redirect?to=${encodeURIComponent('http://169.254.169.254/latest')}` },
    listed,
  );
  assert.equal(away.code, 'egress_blocked');
});

/** A policy that allows the address of the shop only; `answers` are the answers of DNS, one for each query. */
function rebinding(answers: string[][]) {
  const egress = createEgressPolicy({
    allowPrivateNetwork: false,
    allow: ['127.0.0.1/32'],
    resolve: () => Promise.resolve(answers.shift() ?? []),
  });
  return testContext({ env: testEnv({}, { egress }) });
}

const rebound = `http://rebind.invalid:${new URL(shop.url).port}`;

// Hosted functions and old runtimes connect by fetch, which resolves the name itself.
if (canPin()) {
  Deno.test('a name that changes its address after the check is called at the checked address', async () => {
    const answers = [['127.0.0.1'], ['127.0.0.2'], ['10.0.0.1']];
    const output = (await outputOf(
      'http_request',
      { url: `${rebound}/echo` },
      rebinding(answers),
    )) as Echo;
    assert.equal(output.status, 200);
    assert.equal(output.body.headers.host, new URL(rebound).host);
    assert.equal(answers.length, 2);
  });

  Deno.test('each hop resolves its name again, and a private address stops the call', async () => {
    for (const address of ['127.0.0.2', '10.0.0.1', '169.254.169.254', '::1']) {
      const before = shop.requests.all.length;
      const answers = [['127.0.0.1'], [address]];
      const url = `${rebound}/redirect?to=${encodeURIComponent(`${rebound}/echo`)}`;
      const error = await failureOf('http_request', { url }, rebinding(answers));
      assert.equal(error.code, 'egress_blocked');
      assert.equal(shop.requests.all.length, before + 1);
    }
  });
}

Deno.test('one private address among those of a name is enough to refuse the call', async () => {
  const before = shop.requests.all.length;
  const answers = [['127.0.0.1', '127.0.0.2']];
  const error = await failureOf('http_request', { url: `${rebound}/echo` }, rebinding(answers));
  assert.deepEqual([error.code, error.retryable], ['egress_blocked', false]);
  assert.equal(shop.requests.all.length, before);
});
