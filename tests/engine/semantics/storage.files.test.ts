// storage_write and storage_read steps on the Storage of the stack: each application has its own folder.

import { randomUUID } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { client, type StackClient } from '../../support/stack.ts';
import { node, type TestApp, testApp } from '../support.ts';

let b: TestApp;
let server: StackClient;
const bucket = `t-${randomUUID()}`;

beforeAll(async () => {
  b = await testApp();
  server = client(b.stack, b.stack.secret_key);
  const { error } = await server.storage.createBucket(bucket, {
    public: false,
    fileSizeLimit: 1_000,
    allowedMimeTypes: ['application/json', 'text/*', 'image/png'],
  });
  if (error) throw error;
});

const write = (path: string, content: unknown, more: object = {}) =>
  node('write', 'storage_write', { bucket, path, content, ...more } as never);
const read = (path: string) => node('read', 'storage_read', { bucket, path });

test('a step reads what another step wrote, and the server finds it in the folder of the application', async () => {
  const { run } = await b.run(
    [write('reports/{{ input.id }}.json', { rows: [1, 2] }), read('reports/{{ input.id }}.json')],
    ['write > read'],
    { id: 'r-1' },
  );
  expect(run.output).toEqual({
    read: {
      bucket,
      name: 'acme/reports/r-1.json',
      path: 'reports/r-1.json',
      size: 14,
      content_type: 'application/json',
      content: { rows: [1, 2] },
    },
  });
  const { data } = await server.storage.from(bucket).download('acme/reports/r-1.json');
  expect(await data?.text()).toBe('{"rows":[1,2]}');
});

test('no step reads the folder of another application', async () => {
  const { error } = await server.storage.from(bucket).upload('globex/secret.txt', 'theirs', {
    contentType: 'text/plain',
  });
  expect(error).toBeNull();
  for (const path of ['globex/secret.txt', '../globex/secret.txt']) {
    const { run } = await b.run(
      [node('read', 'storage_read', { bucket, path: '{{ input.path }}' })],
      [],
      { path },
    );
    expect(run.error).toMatchObject({
      code: path.startsWith('.') ? 'invalid_config' : 'storage_not_found',
    });
  }
});

test('the limits of the bucket and an existing file refuse a write', async () => {
  const failed = async (...given: Parameters<typeof write>) =>
    ((await b.run([write(...given)])).run.error as { code: string } | null)?.code;
  expect(await failed('once.txt', 'a')).toBeUndefined();
  expect(await failed('once.txt', 'b')).toBeUndefined();
  expect(await failed('once.txt', 'c', { overwrite: false })).toBe('storage_exists');
  expect(await failed('large.txt', 'x'.repeat(1_001))).toBe('storage_too_large');
  expect(await failed('a.pdf', 'x', { content_type: 'application/pdf' })).toBe(
    'storage_type_refused',
  );
});
