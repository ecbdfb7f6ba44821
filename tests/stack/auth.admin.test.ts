// auth.admin of supabase-js against the embedded Auth: users are created, listed, changed, banned and deleted as on a
// hosted project; what is absent answers with a stable code.

import { randomUUID } from 'node:crypto';
import { createClient } from '@supabase/supabase-js';
import fc from 'fast-check';
import type pg from 'pg';
import { beforeAll, expect, test } from 'vitest';
import { banSeconds } from '../../scripts/stack/auth-users.ts';
import { client, pool, signedIn, stackInfo } from '../support/stack.ts';

let db: pg.Pool;
beforeAll(() => {
  db = pool();
});

const admin = () => client(stackInfo(), stackInfo().secret_key).auth.admin;
const address = () => `managed-${randomUUID()}@acme.example`;
const PASSWORD = 'right-password';

async function created(attributes: Parameters<ReturnType<typeof admin>['createUser']>[0] = {}) {
  const { data, error } = await admin().createUser({
    email: address(),
    password: PASSWORD,
    email_confirm: true,
    ...attributes,
  });
  if (error) throw error;
  return data.user;
}

const signIn = (email = '', password = PASSWORD) =>
  client().auth.signInWithPassword({ email, password });

test('a created user has the given data and can sign in, if the address is confirmed', async () => {
  const user = await created({
    user_metadata: { display_name: 'Mira Managed', nested: { a: [1, null] } },
    app_metadata: { plan: 'gold' },
  });
  expect(user).toMatchObject({
    aud: 'authenticated',
    role: 'authenticated',
    app_metadata: { provider: 'email', providers: ['email'], plan: 'gold' },
    user_metadata: { display_name: 'Mira Managed', nested: { a: [1, null] }, email_verified: true },
    identities: [{ provider: 'email', user_id: user.id, identity_data: { sub: user.id } }],
    is_anonymous: false,
  });
  expect(Date.parse(user.email_confirmed_at ?? '')).not.toBeNaN();
  const { data, error } = await signIn(user.email);
  expect(error).toBeNull();
  expect(data.user?.user_metadata).toMatchObject({ display_name: 'Mira Managed' });
  const profile = await db.query('select display_name from stepbase.users where id = $1', [
    user.id,
  ]);
  expect(profile.rows).toEqual([{ display_name: 'Mira Managed' }]);

  const unconfirmed = await created({ email_confirm: false });
  expect((await signIn(unconfirmed.email)).error).toMatchObject({ code: 'email_not_confirmed' });
});

test('a sign-up stores its data as an object, which names the profile', async () => {
  const email = address();
  const { data } = await client().auth.signUp({
    email,
    password: PASSWORD,
    options: { data: { display_name: 'Sina Signup' } },
  });
  const { rows } = await db.query(
    `select s.display_name, jsonb_typeof(u.raw_user_meta_data) as kind, jsonb_typeof(u.raw_app_meta_data) as app_kind
     from auth.users u join stepbase.users s using (id) where u.id = $1`,
    [data.user?.id],
  );
  expect(rows).toEqual([{ display_name: 'Sina Signup', kind: 'object', app_kind: 'object' }]);
});

test('changes apply to the given attributes only; a null removes a key of the metadata', async () => {
  const user = await created({ app_metadata: { a: 1, b: 2 }, user_metadata: { c: 3 } });
  const email = address();
  const { data, error } = await admin().updateUserById(user.id, {
    email,
    password: 'another-password',
    app_metadata: { a: null, d: [4] },
  });
  expect(error).toBeNull();
  expect(data.user).toMatchObject({
    email,
    app_metadata: { provider: 'email', b: 2, d: [4] },
    user_metadata: { c: 3 },
  });
  expect(data.user?.app_metadata).not.toHaveProperty('a');
  expect((await admin().getUserById(user.id)).data.user).toEqual(data.user);
  expect((await signIn(user.email)).error).not.toBeNull();
  expect((await signIn(email, 'another-password')).error).toBeNull();
});

test('pages of users hold what was asked for and lead to every user', async () => {
  const missing = new Set([(await created()).id, (await created()).id, (await created()).id]);
  const small = await admin().listUsers({ page: 1, perPage: 2 });
  if (small.error) throw small.error;
  expect(small.data.users).toHaveLength(2);
  expect(small.data.total).toBeGreaterThanOrEqual(missing.size);
  expect(small.data.nextPage).toBe(2);
  // Newest first, so that users of other tests only move these ones to later pages.
  for (let next: number | null = 1; next !== null && missing.size > 0; ) {
    const { data, error } = await admin().listUsers({ page: next, perPage: 100 });
    if (error) throw error;
    for (const { id } of data.users) missing.delete(id);
    next = data.nextPage ?? null;
  }
  expect([...missing]).toEqual([]);
  const beyond = await admin().listUsers({ page: 9_999_999, perPage: 100 });
  expect(beyond.data.users).toEqual([]);
});

test('a banned user cannot sign in or refresh until the ban ends', async () => {
  const user = await created();
  const session = client();
  await session.auth.signInWithPassword({ email: user.email ?? '', password: PASSWORD });
  const { data } = await admin().updateUserById(user.id, { ban_duration: '1h30m' });
  expect(Date.parse(String(data.user?.banned_until))).toBeGreaterThan(Date.now());
  expect((await signIn(user.email)).error).toMatchObject({ status: 400, code: 'user_banned' });
  expect((await session.auth.refreshSession()).error).not.toBeNull();
  const lifted = await admin().updateUserById(user.id, { ban_duration: 'none' });
  expect(lifted.data.user).not.toHaveProperty('banned_until');
  expect((await signIn(user.email)).error).toBeNull();
});

test('a ban lasts as long as Go reads the duration; other texts are refused', async () => {
  fc.assert(
    fc.property(fc.nat(9999), fc.nat(59), fc.nat(59), (h, m, s) => {
      expect(banSeconds(`${h}h${m}m${s}s`)).toBe(h * 3600 + m * 60 + s);
    }),
  );
  for (const text of ['1d', '5', '-1h', '1h ', 'forever']) {
    expect(() => banSeconds(text)).toThrow(/invalid format for ban duration/);
  }
  const user = await created();
  expect((await admin().updateUserById(user.id, { ban_duration: '1d' })).error).toMatchObject({
    status: 400,
    code: 'validation_failed',
  });
});

test('a deleted user is gone; a soft-deleted one keeps only the id', async () => {
  const hard = await created();
  expect((await admin().deleteUser(hard.id)).error).toBeNull();
  expect((await admin().getUserById(hard.id)).error).toMatchObject({
    status: 404,
    code: 'user_not_found',
  });

  const soft = await created({ user_metadata: { display_name: 'Soft' } });
  await signIn(soft.email);
  expect((await admin().deleteUser(soft.id, true)).error).toBeNull();
  const { data } = await admin().getUserById(soft.id);
  expect(data.user).toMatchObject({ id: soft.id, user_metadata: {}, app_metadata: {} });
  expect(data.user?.email).not.toContain('@');
  expect(data.user?.deleted_at).toBeDefined();
  expect((await signIn(soft.email)).error).toMatchObject({ code: 'invalid_credentials' });
  const { rows } = await db.query(
    'select count(*)::int as n from auth.sessions where user_id = $1',
    [soft.id],
  );
  expect(rows).toEqual([{ n: 0 }]);
  // The address is free again.
  expect((await admin().createUser({ email: soft.email ?? '' })).error).toBeNull();
});

test('invalid changes are refused as on a hosted project', async () => {
  const user = await created();
  const twice = await admin().createUser({ email: user.email?.toUpperCase() ?? '' });
  expect(twice.error).toMatchObject({ status: 422, code: 'email_exists' });
  const short = await admin().createUser({ email: address(), password: 'short' });
  expect(short.error).toMatchObject({ status: 422, code: 'weak_password' });
  expect((await admin().createUser({})).error).toMatchObject({ code: 'validation_failed' });
  expect((await admin().getUserById(randomUUID())).error).toMatchObject({ status: 404 });
});

test('only the secret key administers users', async () => {
  const person = await signedIn('admin@acme');
  const { data } = await person.auth.getSession();
  const { api_url, publishable_key, secret_key } = stackInfo();
  const options = { auth: { persistSession: false, autoRefreshToken: false } };
  const asUser = createClient(api_url, publishable_key, {
    ...options,
    global: { headers: { Authorization: `Bearer ${data.session?.access_token}` } },
  });
  for (const caller of [client(), person, asUser]) {
    expect((await caller.auth.admin.listUsers()).error).toMatchObject({
      status: 403,
      code: 'not_admin',
    });
  }
  const wrong = createClient(api_url, `${secret_key}x`, options);
  expect((await wrong.auth.admin.listUsers()).error).toMatchObject({ status: 401 });
});

test('a generated link signs the user in once', async () => {
  const user = await created();
  const { data, error } = await admin().generateLink({
    type: 'magiclink',
    email: user.email ?? '',
  });
  expect(error).toBeNull();
  expect(data.user?.id).toBe(user.id);
  const { hashed_token: token_hash = '', action_link } = data.properties ?? {};
  expect(action_link).toContain(`token=${token_hash}`);
  const person = client();
  const verified = await person.auth.verifyOtp({ token_hash, type: 'magiclink' });
  expect(verified.data.user?.id).toBe(user.id);
  expect((await client().auth.verifyOtp({ token_hash, type: 'magiclink' })).error).not.toBeNull();

  const signup = await admin().generateLink({
    type: 'signup',
    email: address(),
    password: PASSWORD,
    options: { data: { display_name: 'Linda Link' } },
  });
  expect(signup.data.user?.user_metadata).toMatchObject({ display_name: 'Linda Link' });
  const confirmed = await client().auth.verifyOtp({
    token_hash: signup.data.properties?.hashed_token ?? '',
    type: 'signup',
  });
  expect(confirmed.error).toBeNull();
});

test('a generated link of the type invite creates a user whom it confirms', async () => {
  const email = address();
  const { data, error } = await admin().generateLink({ type: 'invite', email });
  expect(error).toBeNull();
  expect(data.user?.email_confirmed_at).toBeUndefined();
  expect(data.properties?.action_link).toContain('type=invite');
  const token_hash = data.properties?.hashed_token ?? '';
  const confirmed = await client().auth.verifyOtp({ token_hash, type: 'invite' });
  expect(confirmed.error).toBeNull();
  const again = await admin().generateLink({ type: 'invite', email });
  expect(again.error).toMatchObject({ status: 422, code: 'email_exists' });
});

test('what the embedded Auth lacks answers with a stable code', async () => {
  const refused = { status: 422, code: 'not_implemented' };
  const change = await admin().generateLink({
    type: 'email_change_current',
    email: address(),
    newEmail: address(),
  });
  expect(change.error).toMatchObject(refused);
  expect((await admin().oauth.listClients()).error).toMatchObject(refused);
});

test('MFA answers as on a project that has it switched off', async () => {
  const person = await signedIn('viewer@acme');
  expect((await person.auth.mfa.enroll({ factorType: 'totp' })).error).toMatchObject({
    status: 422,
    code: 'mfa_totp_enroll_not_enabled',
  });
  const factorId = randomUUID();
  expect((await person.auth.mfa.challenge({ factorId })).error).toMatchObject({ status: 422 });
  expect((await person.auth.mfa.unenroll({ factorId })).error).toMatchObject({
    code: 'mfa_factor_not_found',
  });
  const { data } = await person.auth.mfa.getAuthenticatorAssuranceLevel();
  expect(data).toMatchObject({ currentLevel: 'aal1', nextLevel: 'aal1' });
});
