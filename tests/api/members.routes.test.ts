// Invitations and members over the HTTP API: an admin invites a colleague, who accepts, gets another role and leaves. Each
// operation is called with a good and with a refused request.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DOCUMENT } from './contract.ts';
import { type Api, createTenant, sql, startApi } from './support.ts';
import {
  CONFLICT,
  createUser,
  INVALID,
  inApp,
  items,
  MISSING,
  outcome,
  REFUSED,
  requestsTo,
  tokenFor,
  type User,
} from './tenancy.ts';

let api: Api;
let app: string;
let ann: Pick<User, 'id' | 'token'>;
let bob: User;
let eve: User;
const { send, get, post, patch, remove, untested } = requestsTo(() => api.url);

beforeAll(async () => {
  api = await startApi();
  const tenant = await createTenant('invite');
  app = tenant.app_code;
  ann = { id: tenant.admin.id, token: tenant.token };
  [bob, eve] = [await createUser('bob'), await createUser('eve')];
});
afterAll(() => api?.stop());

describe('an invitation', () => {
  it('is sent, listed, read and accepted with its token', async () => {
    const sent = await post('invitations', ann, { email: bob.email, role: 'developer' });
    expect([sent.status, sent.body], JSON.stringify(sent.body)).toEqual([
      201,
      expect.objectContaining({ email: bob.email, role: 'developer', status: 'open' }),
    ]);
    const path = `invitations/${sent.body.id}`;
    expect(sent.headers.get('location')).toBe(path);
    const repeated = await post('invitations', ann, { email: bob.email });
    expect([...outcome(repeated), repeated.body.invitation_id]).toEqual([
      ...CONFLICT,
      sent.body.id,
    ]);
    const listed = items(await get(`invitations?status=open&email=${bob.email}`, ann));
    expect(listed.map(({ id }) => id)).toEqual([sent.body.id]);
    expect((await get(path, ann)).body.status).toBe('open');
    expect(outcome(await get(`invitations/${randomUUID()}`, ann))).toEqual(MISSING);
    const first = await tokenFor(bob.email);

    expect(items(await get('me/invitations', bob))).toMatchObject([
      { id: sent.body.id, app_code: app, application: app, role: 'developer' },
    ]);
    expect(items(await get('me/invitations', eve))).toEqual([]);
    const read = await post('me/invitations/read', bob, { token: first });
    expect(read.body).toMatchObject({ id: sent.body.id, app_code: app, email: bob.email });
    for (const action of ['read', 'accept', 'decline']) {
      const foreign = await post(`me/invitations/${action}`, eve, { token: first });
      expect(outcome(foreign)).toEqual([403, 'invitation_not_yours']);
      const unknown = await post(`me/invitations/${action}`, bob, { token: 'unknown' });
      expect(outcome(unknown)).toEqual(MISSING);
    }

    const headers = { 'idempotency-key': randomUUID() };
    const body = { token: first };
    const accepted = await send('POST', 'me/invitations/accept', bob, { body, headers });
    expect([accepted.status, accepted.body]).toEqual([
      201,
      expect.objectContaining({ app_code: app, user_id: bob.id, role: 'developer' }),
    ]);
    const again = await send('POST', 'me/invitations/accept', bob, { body, headers });
    expect([again.status, again.body]).toEqual([201, accepted.body]);
    const used = await post('me/invitations/accept', bob, body);
    expect(outcome(used)).toEqual([409, 'invitation_used']);
    expect(outcome(await post(`${path}/resend`, ann))).toEqual([409, 'invitation_used']);
    bob = await inApp(bob, app);
    expect((await get('me', bob)).body).toMatchObject({ app_code: app });

    const signIns = items(await get('members/sign-ins', ann));
    expect(signIns.map(({ user_id }) => user_id).sort()).toEqual([ann.id, bob.id].sort());
    expect(outcome(await get('members/sign-ins', bob))).toEqual(REFUSED);
  });

  it('is revoked by a member manager, and declined by the invited person', async () => {
    const sent = await post('invitations', ann, { email: eve.email });
    const path = `invitations/${sent.body.id}`;
    const first = await tokenFor(eve.email);
    expect(outcome(await post(`${path}/revoke`, bob))).toEqual(REFUSED);
    expect((await post(`${path}/revoke`, ann)).body.status).toBe('revoked');
    expect((await post(`${path}/revoke`, ann)).body.status).toBe('revoked');
    const late = await post('me/invitations/accept', eve, { token: first });
    expect(outcome(late)).toEqual([410, 'invitation_revoked']);
    expect(outcome(await post(`${path}/resend`, ann))).toEqual([410, 'invitation_revoked']);

    const zoe = await createUser('zoe');
    await post('invitations', ann, { email: zoe.email, role: 'viewer' });
    const token = await tokenFor(zoe.email);
    const declined = await post('me/invitations/decline', zoe, { token });
    expect([declined.status, declined.body.status]).toEqual([200, 'declined']);
    expect(outcome(await post('me/invitations/accept', zoe, { token }))).toEqual([
      409,
      'invitation_used',
    ]);
  });

  it('is sent again by a member manager', async () => {
    const sent = await post('invitations', ann, { email: `again-${randomUUID()}@routes.example` });
    const resent = await post(`invitations/${sent.body.id}/resend`, ann);
    expect([resent.status, resent.body.status]).toEqual([200, 'open']);
    expect(String(resent.body.expires_at) > String(sent.body.expires_at)).toBe(true);
    expect(outcome(await post(`invitations/${sent.body.id}/resend`, bob))).toEqual(REFUSED);
  });

  it('is refused to a caller without member:manage, and for a role that does not exist', async () => {
    const body = { email: `new-${randomUUID()}@routes.example`, role: 'viewer' };
    expect(outcome(await post('invitations', bob, body))).toEqual(REFUSED);
    expect(outcome(await post('invitations', ann, { ...body, role: 'nothing' }))).toEqual(INVALID);
  });

  it('has its token in no path and no query', () => {
    const operations = Object.values(DOCUMENT.paths).flatMap((methods) => Object.values(methods));
    const names = operations.flatMap(({ parameters }) => parameters.map(({ name }) => name));
    expect(names).not.toContain('token');
  });
});

describe('a list of invitations', () => {
  it('is refused to a member without member:manage, and to a key if it is the list of a user', async () => {
    expect(outcome(await get('invitations', bob))).toEqual(REFUSED);
    const token = String((await post('api-keys', ann, { name: 'ci' })).body.key);
    expect(outcome(await get('me/invitations', { token }))).toEqual(REFUSED);
  });
});

describe('members', () => {
  it('get another role, and the last admin keeps theirs', async () => {
    const changed = await patch(`members/${bob.id}`, ann, { role: 'viewer' });
    expect([changed.status, changed.body.role]).toEqual([200, 'viewer']);
    expect(outcome(await patch(`members/${bob.id}`, ann, { role: 'nothing' }))).toEqual(INVALID);
    expect(outcome(await patch(`members/${eve.id}`, ann, { role: 'viewer' }))).toEqual(MISSING);
    expect(outcome(await patch(`members/${ann.id}`, bob, { role: 'viewer' }))).toEqual(REFUSED);
    expect(outcome(await patch(`members/${ann.id}`, ann, { role: 'viewer' }))).toEqual(CONFLICT);
  });

  it('are removed by a member manager, leave by themselves, and are erased', async () => {
    const join = ({ id }: User) =>
      sql(
        `insert into stepbase.app_members (app_code, user_id, role, accepted_at)
         values ($1, $2, 'viewer', now())`,
        [app, id],
      );
    expect(outcome(await remove(`members/${ann.id}`, bob))).toEqual(REFUSED);
    expect((await remove(`members/${bob.id}`, ann)).status).toBe(204);
    expect(outcome(await remove(`members/${bob.id}`, ann))).toEqual(MISSING);
    await join(bob);
    expect((await remove(`members/${bob.id}`, bob)).status).toBe(204);
    expect(outcome(await get('me', bob))).toEqual(REFUSED);
    await join(bob);
    expect((await post('application/leave', bob)).body).toMatchObject({ user_id: bob.id });
    expect(outcome(await post('application/leave', bob))).toEqual(REFUSED);
    expect(outcome(await post('application/leave', ann))).toEqual(CONFLICT);

    await join(bob);
    const { tables } = (await get(`members/${bob.id}/export`, ann)).body as { tables: string[] };
    expect(tables).toContain('app_members');
    const path = `members/${bob.id}/export/app_members`;
    const rows = items(await get(path, ann));
    expect(rows.map(({ user_id }) => user_id)).toEqual([bob.id]);
    expect(outcome(await get(`members/${bob.id}/export`, bob))).toEqual(REFUSED);
    expect(outcome(await get(path, bob))).toEqual(REFUSED);

    expect(outcome(await post(`members/${ann.id}/erase`, bob))).toEqual(REFUSED);
    const erased = await post(`members/${bob.id}/erase`, ann);
    expect([erased.status, erased.body]).toEqual([
      200,
      {
        user_id: bob.id,
        erased: expect.objectContaining({ 'app_members.user_id': 1, 'invitations.accepted_by': 1 }),
        is_complete: true,
      },
    ]);
  });
});

it('calls each operation with success and without', () => {
  expect(untested(/^\/v1\/(invitations|me\/invitations|members\/|application\/leave)/)).toEqual([]);
});
