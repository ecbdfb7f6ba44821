// The Storage of the embedded stack, with supabase-js: buckets and objects for the secret key, and for no other one.

import { randomUUID } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { client, type StackClient, signedIn, stackInfo } from '../support/stack.ts';

let server: StackClient;
const bucket = `s-${randomUUID()}`;

beforeAll(() => {
  server = client(stackInfo(), stackInfo().secret_key);
});

test('buckets are created, listed and deleted', async () => {
  expect(await server.storage.createBucket(bucket, { public: false })).toMatchObject({
    data: { name: bucket },
    error: null,
  });
  expect((await server.storage.createBucket(bucket)).error?.message).toBe(
    'The resource already exists',
  );
  expect((await server.storage.listBuckets()).data?.map(({ id }) => id)).toContain(bucket);
  const other = `${bucket}-other`;
  await server.storage.createBucket(other);
  expect((await server.storage.deleteBucket(other)).error).toBeNull();
  expect((await server.storage.getBucket(other)).error?.message).toBe('Bucket not found');
});

test('objects are written, read, replaced with upsert only, and keep a bucket from being deleted', async () => {
  const files = server.storage.from(bucket);
  const path = 'folder/a b.txt';
  expect((await files.upload(path, 'one', { contentType: 'text/plain' })).error).toBeNull();
  expect((await files.upload(path, 'two')).error?.message).toBe('The resource already exists');
  expect((await files.upload(path, 'three', { upsert: true })).error).toBeNull();
  expect(await (await files.download(path)).data?.text()).toBe('three');
  expect((await files.download('absent')).error).not.toBeNull();
  expect((await server.storage.deleteBucket(bucket)).error?.message).toMatch(/not empty/);
});

test('a member and an anonymous caller are refused', async () => {
  for (const other of [client(), await signedIn('admin@acme')]) {
    const { error } = await other.storage.from(bucket).upload('x.txt', 'x');
    expect(error?.message).toBe('new row violates row-level security policy');
    expect((await other.storage.from(bucket).download('folder/a b.txt')).error).not.toBeNull();
  }
});

test('several objects are deleted together; absent ones are not in the answer', async () => {
  const files = server.storage.from(bucket);
  await files.upload('one.txt', '1', { contentType: 'text/plain' });
  const { data, error } = await files.remove(['one.txt', 'absent.txt', 'constructor']);
  expect(error).toBeNull();
  expect(data?.map(({ name }) => name)).toEqual(['one.txt']);
  expect((await files.download('one.txt')).error).not.toBeNull();
  expect((await server.storage.from('no-bucket').remove(['x'])).error).not.toBeNull();
});
