// An invitation from the RPC to the membership, with supabase-js and the mail catcher only: a person without an account
// signs up with the invited address and accepts by the link.

import { randomUUID } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { linkIn, mailsTo, mailTo } from '../support/mail.ts';
import { client, pool, type StackClient, stackInfo, waitFor } from '../support/stack.ts';
import { sql } from './support.ts';

const mark = randomUUID().slice(0, 8);
const app = `invite-x${mark}`;
const PASSWORD = 'right-password';
const address = (name: string) => `${name}-${mark}@invite.example`;

let admin: StackClient;

async function signUp(email: string): Promise<StackClient> {
  const person = client();
  const { error } = await person.auth.signUp({ email, password: PASSWORD });
  if (error) throw error;
  return person;
}

/** The token in the newest mail to an address. */
async function tokenFor(email: string): Promise<string> {
  const link = linkIn(await mailTo(email, /^Invitation to/), /\/invitation\?/);
  expect(link.origin).toBe(new URL(stackInfo().web_url).origin);
  return link.searchParams.get('token') ?? '';
}

const codeOf = (error: { details: string } | null): unknown =>
  (JSON.parse(error?.details ?? '{}') as { code?: string }).code;

beforeAll(async () => {
  admin = await signUp(address('admin'));
  await sql(
    `with o as (insert into stepbase.organizations (slug, name) values ($1, $1) returning id)
     insert into stepbase.applications (app_code, organization_id, name) select $1, o.id, 'Invited Shop' from o`,
    [app],
  );
  const { data } = await admin.auth.getUser();
  await sql(`insert into stepbase.app_members (app_code, user_id, role) values ($1, $2, 'admin')`, [
    app,
    data.user?.id,
  ]);
  await admin.auth.refreshSession();
});

test('a person without an account is invited, signs up, accepts and works in the application', async () => {
  const email = address('newcomer');
  const invited = await admin.rpc('invite_member', { email, role: 'developer' });
  expect(invited.error).toBeNull();
  expect(invited.data).toMatchObject({ app_code: app, email, role: 'developer', status: 'open' });
  const token = await tokenFor(email);
  const mail = await mailTo(email, /^Invitation to/);
  expect(mail.text).toContain('Invited Shop');
  await waitFor('the invitation shows that its mail was sent', async () => {
    const { data } = await admin.from('invitations').select('mail_sent_at').eq('email', email);
    return typeof data?.[0]?.mail_sent_at === 'string';
  });

  const person = await signUp(email);
  const own = await person.rpc('my_invitations');
  expect(own.data).toMatchObject([
    { app_code: app, application: 'Invited Shop', role: 'developer' },
  ]);
  const stranger = await signUp(address('stranger'));
  const refused = await stranger.rpc('accept_invitation', { token });
  expect(refused.error?.code).toBe('SB413');
  expect(codeOf(refused.error)).toBe('invitation_not_yours');

  const accepted = await person.rpc('accept_invitation', { token });
  expect(accepted.error).toBeNull();
  expect(accepted.data).toMatchObject({ app_code: app, role: 'developer' });
  expect((await person.rpc('switch_app', { app_code: app })).error).toBeNull();
  await person.auth.refreshSession();
  const members = await person.from('app_members').select('role').eq('app_code', app);
  expect(members.data?.map(({ role }) => role).sort()).toEqual(['admin', 'developer']);

  const again = await person.rpc('accept_invitation', { token });
  expect(codeOf(again.error)).toBe('invitation_used');
  const repeated = await admin.rpc('invite_member', { email });
  expect(codeOf(repeated.error)).toBe('conflict');
});

test('the answer for an address with an account has the same form as for one without', async () => {
  const known = address('known');
  await signUp(known);
  const answers = await Promise.all(
    [known, address('unknown')].map((email) => admin.rpc('invite_member', { email })),
  );
  const forms = answers.map(({ data, error, status }) => [
    status,
    error,
    Object.keys(data ?? {}).sort(),
    { ...data, id: '', email: '', created_at: '', updated_at: '', expires_at: '' },
  ]);
  expect(forms[0]).toEqual(forms[1]);
});

test('a link that was sent again replaces the earlier one; a revoked one is refused', async () => {
  const email = address('again');
  const { data } = await admin.rpc('invite_member', { email });
  const id = data?.id ?? '';
  const first = await tokenFor(email);
  expect((await admin.rpc('resend_invitation', { id })).error).toBeNull();
  await waitFor('the second mail', async () => (await mailsTo(email)).length === 2);
  const second = await tokenFor(email);
  const person = await signUp(email);
  expect(codeOf((await person.rpc('read_invitation', { token: first })).error)).toBe('not_found');
  expect((await person.rpc('read_invitation', { token: second })).data).toMatchObject({ email });
  expect((await admin.rpc('revoke_invitation', { id })).data?.status).toBe('revoked');
  expect(codeOf((await person.rpc('accept_invitation', { token: second })).error)).toBe(
    'invitation_revoked',
  );
  expect((await person.rpc('my_invitations')).data).toEqual([]);
});

test('a person declines', async () => {
  const email = address('declines');
  await admin.rpc('invite_member', { email });
  const token = await tokenFor(email);
  const person = await signUp(email);
  expect((await person.rpc('decline_invitation', { token })).data).toMatchObject({
    status: 'declined',
  });
  const { data } = await admin.from('invitations').select('status').eq('email', email);
  expect(data).toEqual([{ status: 'declined' }]);
  const members = await sql(
    'select 1 from stepbase.app_members where app_code = $1 and user_id = $2',
    [app, (await person.auth.getUser()).data.user?.id],
  );
  expect(members).toEqual([]);
});

test('a call that changes an invitation does not block the token of its mail', async () => {
  const { data, error } = await admin.rpc('invite_member', { email: address('locked') }).single();
  expect(error).toBeNull();
  const { id } = data as { id: string };
  const connections = pool();
  const [caller, worker] = [await connections.connect(), await connections.connect()];
  try {
    await caller.query('begin');
    const { data: session } = await admin.auth.getSession();
    const claims = session.session?.access_token.split('.')[1] ?? '';
    await caller.query("select set_config('request.jwt.claims', $1, true)", [
      Buffer.from(claims, 'base64url').toString(),
    ]);
    await caller.query('select stepbase.resend_invitation($1)', [id]);
    // The foreign key of a token takes this lock. With a mail locked, waiting for it would be a deadlock.
    const locked = await worker.query(
      'select 1 from stepbase.invitations i where i.id = $1 for key share nowait',
      [id],
    );
    expect(locked.rowCount).toBe(1);
  } finally {
    await caller.query('rollback');
    caller.release();
    worker.release();
  }
});
