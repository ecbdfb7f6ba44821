// storage_read and storage_write: the requests to Supabase Storage, and the codes of its refusals.

import assert from 'node:assert/strict';
import { afterAll, failureOf, outputOf, testContext, testEnv } from './testing.ts';

interface Seen {
  method: string;
  path: string;
  headers: Headers;
  body: string;
}

const seen: Seen[] = [];
let respond: () => Response = () => new Response('');
const server = Deno.serve(
  { port: 0, hostname: '127.0.0.1', onListen: () => {} },
  async (request) => {
    const { pathname } = new URL(request.url);
    seen.push({
      method: request.method,
      path: pathname,
      headers: request.headers,
      body: await request.text(),
    });
    return respond();
  },
);
afterAll(() => server.shutdown());

const url = `http://127.0.0.1:${server.addr.port}`;
const context = (
  storage: { url: string; secretKey?: string } = { url, secretKey: 'sb_secret_x' },
) => testContext({ env: testEnv({}, { storage }) });

const answers = (response: () => Response) => {
  seen.length = 0;
  respond = response;
};

const refused = (status: number, statusCode?: string) => () =>
  Response.json({ statusCode, error: 'e', message: 'the reason' }, { status });

Deno.test('storage_read reads below the folder of the application, with the secret key', async () => {
  answers(() => Response.json({ n: 1 }));
  const config = { bucket: 'files', path: 'in & out/a b.json' };
  assert.deepEqual(await outputOf('storage_read', config, context()), {
    bucket: 'files',
    name: 'acme/in & out/a b.json',
    path: 'in & out/a b.json',
    size: 7,
    content_type: 'application/json',
    content: { n: 1 },
  });
  assert.equal(seen[0]?.path, '/storage/v1/object/files/acme/in%20%26%20out/a%20b.json');
  assert.equal(seen[0]?.headers.get('apikey'), 'sb_secret_x');
  assert.equal(seen[0]?.headers.get('authorization'), 'Bearer sb_secret_x');
});

Deno.test('text is decoded, and other bytes become base64', async () => {
  const read = async (body: Uint8Array, type: string) => {
    answers(() => new Response(new Uint8Array(body), { headers: { 'content-type': type } }));
    const output = await outputOf('storage_read', { bucket: 'b', path: 'f' }, context());
    return (output as { content: unknown }).content;
  };
  assert.equal(await read(new TextEncoder().encode('grün'), 'text/csv'), 'grün');
  assert.deepEqual(await read(new Uint8Array([255, 0, 1]), 'image/png'), {
    encoding: 'base64',
    data: '/wAB',
  });
});

Deno.test('storage_write sends text, JSON and bytes with their content type', async () => {
  answers(() => Response.json({ Key: 'x' }));
  const write = (content: unknown, more: object = {}) =>
    outputOf('storage_write', { bucket: 'files', path: 'a.txt', content, ...more }, context());
  assert.deepEqual(await write('hello'), {
    bucket: 'files',
    name: 'acme/a.txt',
    path: 'a.txt',
    size: 5,
    content_type: 'text/plain; charset=utf-8',
  });
  await write({ n: [1] });
  await write(
    { encoding: 'base64', data: 'AAE=' },
    { content_type: 'image/png', overwrite: false },
  );
  assert.deepEqual(
    seen.map(({ method, path, headers, body }) => [
      method,
      path,
      headers.get('content-type'),
      headers.get('x-upsert'),
      body,
    ]),
    [
      ['POST', '/storage/v1/object/files/acme/a.txt', 'text/plain; charset=utf-8', 'true', 'hello'],
      ['POST', '/storage/v1/object/files/acme/a.txt', 'application/json', 'true', '{"n":[1]}'],
      ['POST', '/storage/v1/object/files/acme/a.txt', 'image/png', 'false', '\u0000\u0001'],
    ],
  );
});

for (const path of [
  '../globex/a',
  'a/../b',
  '/a',
  'a/',
  'a//b',
  '.',
  'a/./b',
  'a\\b',
  'ü',
  'a%2f..',
  '',
]) {
  Deno.test(`the path ${JSON.stringify(path)} is refused`, async () => {
    answers(() => new Response('no'));
    for (const type of ['storage_read', 'storage_write']) {
      const { code } = await failureOf(type, { bucket: 'b', path, content: 'x' }, context()).catch(
        (error: Error) => ({ code: error.message }),
      );
      assert.equal(code, 'invalid_config');
    }
    assert.deepEqual(seen, []);
  });
}

for (const [status, inside, code, retryable] of [
  [400, '404', 'storage_not_found', false],
  [404, undefined, 'storage_not_found', false],
  [400, '409', 'storage_exists', false],
  [400, '413', 'storage_too_large', false],
  [400, '415', 'storage_type_refused', false],
  [400, '403', 'storage_refused', false],
  [401, undefined, 'storage_refused', false],
  [429, undefined, 'storage_unavailable', true],
  [503, undefined, 'storage_unavailable', true],
] as const) {
  Deno.test(`status ${status} with ${inside ?? 'no status'} inside is ${code}`, async () => {
    answers(refused(status, inside));
    const error = await failureOf('storage_read', { bucket: 'b', path: 'f' }, context());
    assert.deepEqual(
      [error.code, error.message, error.retryable],
      [code, 'b/acme/f: the reason', retryable],
    );
  });
}

Deno.test('a file above max_bytes is refused, and content above 4 MB is not sent', async () => {
  answers(() => new Response('x'.repeat(11)));
  const read = await failureOf(
    'storage_read',
    { bucket: 'b', path: 'f', max_bytes: 10 },
    context(),
  );
  assert.equal(read.code, 'storage_too_large');
  answers(() => new Response(''));
  const content = 'x'.repeat(4_194_305);
  const write = await failureOf('storage_write', { bucket: 'b', path: 'f', content }, context());
  assert.deepEqual([write.code, seen.length], ['storage_too_large', 0]);
});

Deno.test('without a key or an answer the step fails', async () => {
  const config = { bucket: 'b', path: 'f' };
  const noKey = await failureOf('storage_read', config, context({ url }));
  assert.deepEqual([noKey.code, noKey.retryable], ['storage_not_configured', false]);
  const away = await failureOf(
    'storage_read',
    config,
    context({ url: 'http://127.0.0.1:1', secretKey: 'x' }),
  );
  assert.deepEqual([away.code, away.retryable], ['storage_unavailable', true]);
});
