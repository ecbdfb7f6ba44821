// The mails of the embedded Auth, followed with supabase-js: confirmation, sign-in link and code, reset of a password,
// invitation of a user, change of an address. Each link leads to the target that the caller wanted.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Stack } from '../../scripts/stack/stack.ts';
import { startThrowawayStack } from '../../scripts/stack/throwaway.ts';
import { linkIn, mailsTo, mailTo } from '../support/mail.ts';
import { client, stackInfo } from '../support/stack.ts';
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
    stack = await startThrowawayStack({ functions: false, web: false, confirmEmail: true });
  }, scaled(120_000));
  afterAll(() => stack.stop(), scaled(60_000));

  const auth = () => client(stack.info).auth;

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
    expect((await auth().resend({ type: 'signup', email })).error).toBeNull();
    expect(await mailsTo(email, stack.info.mail_url)).toHaveLength(2);
    expect((await follow(first)).values.get('error_code')).toBe('otp_expired');
    expect((await auth().signUp({ email, password: PASSWORD })).error).toBeNull();
    expect(await mailsTo(email, stack.info.mail_url)).toHaveLength(3);
    const last = linkIn(await mailTo(email, /Confirm/, stack.info.mail_url), /\/verify\?/);
    expect((await follow(last)).values.has('access_token')).toBe(true);
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
