// The password-verification hook, which is off by default: with it, wrong passwords lock an account for a while.

import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Stack } from '../../scripts/stack/stack.ts';
import { startThrowawayStack } from '../../scripts/stack/throwaway.ts';
import { client, pool } from '../support/stack.ts';

let stack: Stack;
let db: pg.Pool;
beforeAll(async () => {
  stack = await startThrowawayStack({
    functions: false,
    web: false,
    passwordHook: { schema: 'stepbase_private', name: 'password_verification_hook' },
  });
  db = pool(stack.info.db_url);
});
afterAll(() => stack?.stop());

async function newcomer(): Promise<{ email: string; id: string }> {
  const email = `newcomer-${randomUUID()}@acme.example`;
  const credentials = { email, password: 'right-password' };
  const { data, error } = await client(stack.info).auth.signUp(credentials);
  if (error || !data.user) throw error ?? new Error('no user');
  return { email, id: data.user.id };
}

test('five wrong passwords lock the account: the right one is refused too, until the lock has expired', async () => {
  const { email, id } = await newcomer();
  for (let attempt = 0; attempt < 5; attempt += 1) {
    await client(stack.info).auth.signInWithPassword({ email, password: 'wrong-password' });
  }
  const refused = await client(stack.info).auth.signInWithPassword({
    email,
    password: 'right-password',
  });
  expect(refused.data.session).toBeNull();
  expect(refused.error).toMatchObject({ status: 400, code: 'invalid_credentials' });
  expect(refused.error?.message).toMatch(/^Too many wrong passwords/);

  await db.query(
    "update stepbase.users set locked_until = now() - interval '1 second' where id = $1",
    [id],
  );
  const admitted = await client(stack.info).auth.signInWithPassword({
    email,
    password: 'right-password',
  });
  expect(admitted.error).toBeNull();
});

test('concurrent wrong passwords are all counted', async () => {
  const { email } = await newcomer();
  await Promise.all(
    Array.from({ length: 6 }, () =>
      client(stack.info).auth.signInWithPassword({ email, password: 'wrong-password' }),
    ),
  );
  const { error } = await client(stack.info).auth.signInWithPassword({
    email,
    password: 'right-password',
  });
  expect(error?.message).toMatch(/^Too many wrong passwords/);
});
