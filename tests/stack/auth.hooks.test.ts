// Auth with supabase-js: tokens have the claims of the hook and stay correct over refresh, switch and sign-out. A
// deactivated account gets no token.

import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import type pg from 'pg';
import { beforeAll, expect, test } from 'vitest';
import { client, pool, type StackClient, seedUser, signedIn, stackInfo } from '../support/stack.ts';

let db: pg.Pool;
beforeAll(() => {
  db = pool();
});

async function claimsOf(signedInClient: StackClient) {
  const { data } = await signedInClient.auth.getSession();
  return decodeJwt(data.session?.access_token ?? '');
}

/** Creates a new user, so that a lock does not affect other tests. */
async function newcomer(): Promise<{ person: StackClient; email: string; id: string }> {
  const person = client();
  const email = `newcomer-${randomUUID()}@acme.example`;
  const { data, error } = await person.auth.signUp({ email, password: 'right-password' });
  if (error || !data.user) throw error ?? new Error('no user');
  return { person, email, id: data.user.id };
}

test('a token has the active membership and all claims of Supabase Auth', async () => {
  const claims = await claimsOf(await signedIn('viewer@acme'));
  expect(claims).toMatchObject({
    iss: `${stackInfo().api_url}/auth/v1`,
    aud: 'authenticated',
    role: 'authenticated',
    aal: 'aal1',
    sub: seedUser('viewer@acme').id,
    email: 'viewer@acme.example',
    app_code: 'acme',
    app_role: 'viewer',
    is_anonymous: false,
  });
  expect(claims.permissions).toContain('run:read');
  expect(claims.permissions).not.toContain('run:execute');
  expect(claims.org_id).toMatch(/^[0-9a-f-]{36}$/);
  expect(claims.amr).toEqual([{ method: 'password', timestamp: expect.any(Number) }]);
  expect(claims.session_id).toEqual(expect.any(String));
});

test('getUser and getClaims accept the token; refresh gives a new one with the claims', async () => {
  const person = await signedIn('developer@globex');
  expect((await person.auth.getUser()).data.user?.email).toBe('developer@globex.example');
  expect((await person.auth.getClaims()).data?.claims.app_code).toBe('globex');
  const before = await person.auth.getSession();
  const { data, error } = await person.auth.refreshSession();
  expect(error).toBeNull();
  expect(data.session?.refresh_token).not.toBe(before.data.session?.refresh_token);
  expect((await claimsOf(person)).app_code).toBe('globex');
});

test('a refresh updates the claims from the database', async () => {
  const { person, id } = await newcomer();
  expect((await claimsOf(person)).app_code).toBeUndefined();
  await db.query(
    "insert into stepbase.app_members (app_code, user_id, role) values ('acme', $1, 'viewer')",
    [id],
  );
  await person.auth.refreshSession();
  expect(await claimsOf(person)).toMatchObject({ app_code: 'acme', app_role: 'viewer' });
});

test('after sign-out the refresh token and the session are invalid', async () => {
  const person = await signedIn('viewer@acme');
  const { data } = await person.auth.getSession();
  const { access_token = '', refresh_token = '' } = data.session ?? {};
  expect((await person.auth.signOut()).error).toBeNull();
  const thief = client();
  expect((await thief.auth.refreshSession({ refresh_token })).error).not.toBeNull();
  expect((await thief.auth.getUser(access_token)).error).not.toBeNull();
});

test('a wrong password is refused as on a hosted project', async () => {
  const { email } = await newcomer();
  const { error } = await client().auth.signInWithPassword({ email, password: 'wrong-password' });
  expect(error).toMatchObject({ status: 400, code: 'invalid_credentials' });
});

test('wrong passwords lock no account by default, as on most hosted plans', async () => {
  const { email } = await newcomer();
  for (let attempt = 0; attempt < 6; attempt += 1) {
    await client().auth.signInWithPassword({ email, password: 'wrong-password' });
  }
  const { error } = await client().auth.signInWithPassword({ email, password: 'right-password' });
  expect(error).toBeNull();
});

test('a deactivated account gets no token, not even with a refresh token', async () => {
  const { person, email, id } = await newcomer();
  await db.query('update stepbase.users set is_active = false where id = $1', [id]);
  const signIn = await client().auth.signInWithPassword({ email, password: 'right-password' });
  expect(signIn.error).toMatchObject({ status: 403, message: 'This account is deactivated' });
  const refresh = await person.auth.refreshSession();
  expect(refresh.error).toMatchObject({ status: 403 });
  const sessions = await db.query('select from auth.sessions where user_id = $1', [id]);
  expect(sessions.rowCount).toBe(0);
});

test('the users of the seed are those that the stack prints', async () => {
  for (const user of stackInfo().users) {
    const { data, error } = await client().auth.signInWithPassword(user);
    expect(error).toBeNull();
    expect(decodeJwt(data.session?.access_token ?? '')).toMatchObject({
      app_code: user.app_code,
      app_role: user.role,
    });
  }
});
