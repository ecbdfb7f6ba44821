// The mails of the embedded Auth, followed with supabase-js: confirmation, sign-in link and code, reset of a password,
// invitation of a user, change of an address. Each link leads to the target that the caller wanted, with PKCE by a code
// for the client that asked. A user gets a mail of one kind only once in a while.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createStackClient } from '../../scripts/stack/client.ts';
import type { Stack } from '../../scripts/stack/stack.ts';
import { startThrowawayStack } from '../../scripts/stack/throwaway.ts';
import { linkIn, mailsTo, mailTo } from '../support/mail.ts';
import { client, pool, stackInfo } from '../support/stack.ts';
import { scaled } from '../support/time.ts';

const PASSWORD = 'right-password';
const address = () => `mailed-${randomUUID()}@acme.example`;

/** Follows a link as a browser does, up to the redirect, and returns its target. */
async function follow(link: URL): Promise<{ target: URL; values: URLSearchParams }> {
  const response = await fetch(link, { redirect: 'manual' });
  expect(response.status).toBe(303);
  const target = new URL(response.headers.get('location') ?? '');
  return { target, values: new URLSearchParams(target.hash.slice(1)) };
}

/** A client that keeps its code verifier. */
function pkceClient(stack = stackInfo()) {
  const kept = new Map<string, string>();
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  };
  const auth = { flowType: 'pkce' as const, storage, autoRefreshToken: false };
  return createStackClient(stack, { auth: { ...auth, detectSessionInUrl: false } });
}

/** Follows a link with a code and returns it. */
async function codeOf(link: URL): Promise<string> {
  const { target } = await follow(link);
  expect(target.hash).toBe('');
  return target.searchParams.get('code') ?? '';
}

const codeIn = (text: string) => /code: (\d{6})/.exec(text)?.[1] ?? '';

describe('addresses are confirmed at once', () => {
  const target = () => `${stackInfo().web_url}/invitation?token=abc`;

  test('a reset of the password signs in by the link and accepts the new password', async () => {
    const email = address();
    await client().auth.signUp({ email, password: PASSWORD });
    const { error } = await client().auth.resetPasswordForEmail(email, { redirectTo: target() });
    expect(error).toBeNull();
    const mail = await mailTo(email, /Reset your password/);
    const link = linkIn(mail, /\/verify\?/);
    expect(link.origin).toBe(new URL(stackInfo().api_url).origin);
    const landed = await follow(link);
    expect(`${landed.target.origin}${landed.target.pathname}${landed.target.search}`).toBe(
      target(),
    );
    expect(landed.values.get('type')).toBe('recovery');
    const person = client();
    await person.auth.setSession({
      access_token: landed.values.get('access_token') ?? '',
      refresh_token: landed.values.get('refresh_token') ?? '',
    });
    expect((await person.auth.updateUser({ password: 'another-password' })).error).toBeNull();
    const again = await client().auth.signInWithPassword({ email, password: 'another-password' });
    expect(again.error).toBeNull();
    const used = await follow(link);
    expect(used.values.get('error_code')).toBe('otp_expired');
  });

  test('a link leads only to the site and to allowed addresses', async () => {
    const email = address();
    await client().auth.signUp({ email, password: PASSWORD });
    await client().auth.resetPasswordForEmail(email, { redirectTo: 'https://evil.example/x' });
    const landed = await follow(linkIn(await mailTo(email, /Reset/), /\/verify\?/));
    expect(landed.target.origin).toBe(new URL(stackInfo().web_url).origin);
  });

  test('an unknown address gets the same answer and no mail', async () => {
    const email = address();
    expect((await client().auth.resetPasswordForEmail(email)).error).toBeNull();
    expect((await client().auth.resend({ type: 'signup', email })).error).toBeNull();
    expect(await mailsTo(email)).toEqual([]);
  });

  test('a code signs in with the types email and magiclink, and by token hash', async () => {
    for (const type of ['email', 'magiclink'] as const) {
      const email = address();
      expect((await client().auth.signInWithOtp({ email })).error).toBeNull();
      const mail = await mailTo(email, /sign-in link/);
      const token = codeIn(mail.text);
      const { data, error } = await client().auth.verifyOtp({ email, token, type });
      expect(error).toBeNull();
      expect(data.user?.email).toBe(email);
      const repeated = await client().auth.verifyOtp({ email, token, type });
      expect(repeated.error?.code).toBe('otp_expired');
    }
    const email = address();
    await client().auth.signInWithOtp({ email });
    const link = linkIn(await mailTo(email, /sign-in link/), /\/verify\?/);
    const token_hash = link.searchParams.get('token') ?? '';
    const { data, error } = await client().auth.verifyOtp({ token_hash, type: 'email' });
    expect(error).toBeNull();
    expect(data.session).not.toBeNull();
  });

  test('PKCE: a reset and a sign-in link give a code, for the client that asked, once', async () => {
    const email = address();
    await client().auth.signUp({ email, password: PASSWORD });
    const person = pkceClient();
    await person.auth.resetPasswordForEmail(email, { redirectTo: target() });
    const link = linkIn(await mailTo(email, /Reset your password/), /token=pkce_/);
    const { target: landed } = await follow(link);
    expect(landed.href.startsWith(`${target()}&code=`)).toBe(true);
    const code = landed.searchParams.get('code') ?? '';
    const other = pkceClient();
    await other.auth.resetPasswordForEmail(address());
    expect((await other.auth.exchangeCodeForSession(code)).error?.code).toBe('bad_code_verifier');
    const { data, error } = await person.auth.exchangeCodeForSession(code);
    expect(error).toBeNull();
    expect(data.user?.email).toBe(email);
    expect((await person.auth.updateUser({ password: 'another-password' })).error).toBeNull();
    const used = await follow(link);
    expect(used.target.searchParams.get('error_code')).toBe('otp_expired');

    await person.auth.signInWithOtp({ email });
    const mail = await mailTo(email, /sign-in link/);
    const signedIn = await person.auth.exchangeCodeForSession(
      await codeOf(linkIn(mail, /token=pkce_/)),
    );
    expect(signedIn.data.session?.user.email).toBe(email);
    await person.auth.signInWithOtp({ email });
    const token_hash =
      linkIn(await mailTo(email, /sign-in link/), /\/verify\?/).searchParams.get('token') ?? '';
    const hashed = await client().auth.verifyOtp({ token_hash, type: 'email' });
    expect(hashed.data.session).not.toBeNull();
  });

  test('PKCE: half a challenge is refused', async () => {
    const { api_url, publishable_key: apikey } = stackInfo();
    const challenge = 'a'.repeat(43);
    for (const more of [
      { code_challenge: challenge },
      { code_challenge_method: 's256' },
      { code_challenge: 'short', code_challenge_method: 's256' },
      { code_challenge: challenge, code_challenge_method: 'md5' },
    ]) {
      const response = await fetch(`${api_url}/auth/v1/recover`, {
        method: 'POST',
        headers: { apikey, 'content-type': 'application/json' },
        body: JSON.stringify({ email: address(), ...more }),
      });
      expect([response.status, (await response.json()).error_code]).toEqual([
        400,
        'validation_failed',
      ]);
    }
  });

  test('an administrator invites a user by mail; the link signs the user in', async () => {
    const { admin } = client(stackInfo(), stackInfo().secret_key).auth;
    const email = address();
    const { data, error } = await admin.inviteUserByEmail(email, {
      data: { team: 'ops' },
      redirectTo: target(),
    });
    expect(error).toBeNull();
    expect(data.user).toMatchObject({ email, user_metadata: { team: 'ops' } });
    expect(data.user?.invited_at).toEqual(expect.any(String));
    expect(data.user?.email_confirmed_at).toBeUndefined();
    const link = linkIn(await mailTo(email, /invited/), /type=invite/);
    const landed = await follow(link);
    expect(landed.values.get('access_token')).toEqual(expect.any(String));
    expect((await admin.getUserById(data.user?.id ?? '')).data.user?.email_confirmed_at).toEqual(
      expect.any(String),
    );
    const again = await admin.inviteUserByEmail(email);
    expect(again.error).toMatchObject({ status: 422, code: 'email_exists' });
    expect((await client().auth.admin.inviteUserByEmail(address())).error?.status).toBe(403);
  });

  test('a changed address is confirmed by the link to the present one', async () => {
    const email = address();
    const next = address();
    const person = client();
    await person.auth.signUp({ email, password: PASSWORD });
    expect((await person.auth.updateUser({ email: next })).error).toBeNull();
    await follow(linkIn(await mailTo(email, /new e-mail address/), /type=email_change/));
    expect(
      (await client().auth.signInWithPassword({ email: next, password: PASSWORD })).error,
    ).toBeNull();
  });
});

describe('addresses are confirmed by mail', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startThrowawayStack({
      functions: false,
      web: false,
      confirmEmail: true,
      mailSeconds: 60,
    });
  }, scaled(120_000));
  afterAll(() => stack.stop(), scaled(60_000));

  const auth = () => client(stack.info).auth;
  /** As if the last mails to the user were sent a minute earlier. */
  const aMinutePasses = (email: string) =>
    pool(stack.info.db_url).query(
      `update auth.users set confirmation_sent_at = confirmation_sent_at - interval '1 minute',
         recovery_sent_at = recovery_sent_at - interval '1 minute' where email = $1`,
      [email],
    );

  test('a sign-up gives a session only after its link or code', async () => {
    const email = address();
    const redirectTo = `${stack.info.web_url}/invitation?token=abc`;
    const options = { emailRedirectTo: redirectTo };
    const signUp = await auth().signUp({ email, password: PASSWORD, options });
    expect(signUp.error).toBeNull();
    expect(signUp.data.session).toBeNull();
    const early = await auth().signInWithPassword({ email, password: PASSWORD });
    expect(early.error?.code).toBe('email_not_confirmed');
    const mail = await mailTo(email, /Confirm your sign-up/, stack.info.mail_url);
    const landed = await follow(linkIn(mail, /\/verify\?/));
    expect(landed.target.href.startsWith(`${redirectTo}#`)).toBe(true);
    expect(landed.values.get('access_token')).toEqual(expect.any(String));
    expect((await auth().signInWithPassword({ email, password: PASSWORD })).error).toBeNull();

    const other = address();
    await auth().signUp({ email: other, password: PASSWORD });
    const { text } = await mailTo(other, /Confirm/, stack.info.mail_url);
    const verified = await auth().verifyOtp({ email: other, token: codeIn(text), type: 'email' });
    expect(verified.data.session).not.toBeNull();
  });

  test('resend and a repeated sign-up mail a new link; the earlier one ends', async () => {
    const email = address();
    await auth().signUp({ email, password: PASSWORD });
    const first = linkIn(await mailTo(email, /Confirm/, stack.info.mail_url), /\/verify\?/);
    const early = await auth().resend({ type: 'signup', email });
    expect(early.error).toMatchObject({ status: 429, code: 'over_email_send_rate_limit' });
    expect(early.error?.message).toMatch(/only request this after \d+ seconds/);
    await aMinutePasses(email);
    expect((await auth().resend({ type: 'signup', email })).error).toBeNull();
    expect(await mailsTo(email, stack.info.mail_url)).toHaveLength(2);
    expect((await follow(first)).values.get('error_code')).toBe('otp_expired');
    const again = () => auth().signUp({ email, password: PASSWORD });
    expect((await again()).error?.code).toBe('over_email_send_rate_limit');
    await aMinutePasses(email);
    expect((await again()).error).toBeNull();
    expect(await mailsTo(email, stack.info.mail_url)).toHaveLength(3);
    const last = linkIn(await mailTo(email, /Confirm/, stack.info.mail_url), /\/verify\?/);
    expect((await follow(last)).values.has('access_token')).toBe(true);
  });

  test('PKCE: the link of a sign-up gives a code, and a reset or a sign-in link waits its minute', async () => {
    const email = address();
    const person = pkceClient(stack.info);
    await person.auth.signUp({ email, password: PASSWORD });
    const mail = await mailTo(email, /Confirm your sign-up/, stack.info.mail_url);
    const code = await codeOf(linkIn(mail, /token=pkce_/));
    const { data, error } = await person.auth.exchangeCodeForSession(code);
    expect(error).toBeNull();
    expect(data.user?.email_confirmed_at).toEqual(expect.any(String));
    expect((await person.auth.exchangeCodeForSession(code)).error).not.toBeNull();

    expect((await auth().resetPasswordForEmail(email)).error).toBeNull();
    for (const early of [
      await auth().resetPasswordForEmail(email),
      await auth().signInWithOtp({ email }),
    ]) {
      expect(early.error?.code).toBe('over_email_send_rate_limit');
    }
    await aMinutePasses(email);
    expect((await auth().signInWithOtp({ email })).error).toBeNull();
    expect((await auth().resetPasswordForEmail(address())).error).toBeNull();
  });

  test('a sign-up with a confirmed address looks like a new one and sends no mail', async () => {
    const email = stack.info.users[0]?.email ?? '';
    const known = await auth().signUp({ email, password: PASSWORD });
    const fresh = await auth().signUp({ email: address(), password: PASSWORD });
    expect(known.error).toBeNull();
    expect(known.data.session).toBeNull();
    expect(known.data.user?.identities).toEqual([]);
    expect(known.data.user?.confirmation_sent_at).toEqual(expect.any(String));
    expect(fresh.data.user?.confirmation_sent_at).toEqual(expect.any(String));
    expect(await mailsTo(email, stack.info.mail_url)).toEqual([]);
    const weak = await auth().signUp({ email, password: 'short' });
    expect(weak.error?.code).toBe('weak_password');
  });
});
