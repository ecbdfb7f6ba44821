// Organizations, applications and roles over the HTTP API: a user without an application founds a company. Each operation
// is called with a good and with a refused request.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DOCUMENT } from './contract.ts';
import { type Api, publishWorkflow, signToken, sql, startApi } from './support.ts';
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
  type User,
} from './tenancy.ts';

const mark = randomUUID().slice(0, 8);
const app = `routes-${mark}`;
const second = `routes-two-${mark}`;
let api: Api;
let ann: User;
let eve: User;
let organization: string;
let key: string;
const { send, get, post, patch, remove, untested } = requestsTo(() => api.url);

beforeAll(async () => {
  api = await startApi();
  [ann, eve] = [await createUser('ann'), await createUser('eve')];
});
afterAll(() => api?.stop());

describe('a user without an application', () => {
  it('creates an organization, once for an Idempotency-Key of this user', async () => {
    const headers = { 'idempotency-key': mark };
    const body = { slug: app, name: 'Routes Inc.' };
    const made = await send('POST', 'organizations', ann, { body, headers });
    expect([made.status, made.body], JSON.stringify(made.body)).toEqual([
      201,
      expect.objectContaining({ ...body, created_by: ann.id }),
    ]);
    organization = String(made.body.id);
    expect(made.headers.get('location')).toBe(`organizations/${organization}`);
    const again = await send('POST', 'organizations', ann, { body, headers });
    expect([again.status, again.body]).toEqual([201, made.body]);
    const other = await send('POST', 'organizations', eve, { body, headers });
    expect(outcome(other)).toEqual(CONFLICT);
    expect(other.body.slug).toBe(app);
    expect(outcome(await post('organizations', ann, { slug: 'No Slug', name: 'x' }))).toEqual(
      INVALID,
    );
  });

  it('reads, lists and renames it, and another user cannot', async () => {
    expect(items(await get('organizations', ann)).map(({ id }) => id)).toEqual([organization]);
    expect(items(await get('organizations', eve))).toEqual([]);
    const path = `organizations/${organization}`;
    expect((await get(path, ann)).body.name).toBe('Routes Inc.');
    expect((await patch(path, ann, { name: 'Routes Ltd.' })).body.name).toBe('Routes Ltd.');
    expect(outcome(await get(path, eve))).toEqual(MISSING);
    expect(outcome(await patch(path, eve, { name: 'Mine' }))).toEqual(MISSING);
    expect(outcome(await patch(path, ann, {}))).toEqual(INVALID);
  });

  it('creates its first application and becomes the admin', async () => {
    const body = { app_code: app, name: 'Shop', organization_id: organization };
    expect(outcome(await post('applications', eve, body))).toEqual(MISSING);
    const made = await post('applications', ann, body);
    expect([made.status, made.body.created_by], JSON.stringify(made.body)).toEqual([201, ann.id]);
    expect(outcome(await post('applications', ann, body))).toEqual(CONFLICT);
    expect(items(await get('me/applications', ann))).toMatchObject([
      { app_code: app, organization_name: 'Routes Ltd.', role: 'admin', is_current: false },
    ]);
    ann = await inApp(ann, app);
    expect(items(await get('me/applications', ann))).toMatchObject([{ is_current: true }]);
    expect(items(await get('me/applications', eve))).toEqual([]);
  });

  it('deletes an organization without applications only', async () => {
    expect(outcome(await remove(`organizations/${organization}`, ann))).toEqual(CONFLICT);
    const other = await post('organizations', ann, { slug: `${app}-b`, name: 'B' });
    expect(outcome(await remove(`organizations/${other.body.id}`, eve))).toEqual(MISSING);
    expect((await remove(`organizations/${other.body.id}`, ann)).status).toBe(204);
    expect(outcome(await get(`organizations/${other.body.id}`, ann))).toEqual(MISSING);
  });
});

describe('keys', () => {
  it('get 403 from operations of users', async () => {
    key = String((await post('api-keys', ann, { name: 'ci' })).body.key);
    const users = Object.entries(DOCUMENT.paths).filter(([path]) =>
      /^\/v1\/(organizations|me\/(applications|invitations))/.test(path),
    );
    const paths = users.flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => ({
        method: method.toUpperCase(),
        path: path.replace('/v1/', '').replace('{organization_id}', organization),
      })),
    );
    expect(paths).toHaveLength(11);
    paths.push({ method: 'POST', path: 'application/leave' });
    const bodies: Record<string, unknown> = {
      'POST organizations': { slug: 'by-key', name: 'By key' },
      [`PATCH organizations/${organization}`]: { name: 'By key' },
    };
    for (const { method, path } of paths) {
      const isOfToken = path.startsWith('me/invitations/');
      const body = bodies[`${method} ${path}`] ?? (isOfToken ? { token: 'x' } : {});
      const answer = await send(method, path, { token: key }, method === 'GET' ? {} : { body });
      expect([`${method} ${path}`, ...outcome(answer)]).toEqual([`${method} ${path}`, ...REFUSED]);
    }
    const body = { app_code: `${app}-k`, name: 'K', organization_id: organization };
    expect(outcome(await send('POST', 'applications', { token: key }, { body }))).toEqual(REFUSED);
    for (const action of ['deactivate', 'reactivate']) {
      const answer = await send(
        'POST',
        `applications/${app}/${action}`,
        { token: key },
        { body: {} },
      );
      expect(outcome(answer)).toEqual(REFUSED);
    }
    expect(outcome(await remove(`applications/${app}`, { token: key }))).toEqual(REFUSED);
  });

  it('manage roles, members and invitations within their scopes', async () => {
    expect(items(await get('roles', { token: key })).length).toBeGreaterThan(2);
    const scoped = await post('api-keys', ann, { name: 'reader', scopes: ['run:read'] });
    const reader = { token: String(scoped.body.key) };
    expect(outcome(await get('invitations', reader))).toEqual(REFUSED);
    expect(outcome(await get('application/export', reader))).toEqual(REFUSED);
  });
});

describe('roles', () => {
  it('are created, read, changed and deleted', async () => {
    const role = { name: 'finance', label: 'Finance', permissions: ['run:read', 'task:complete'] };
    const made = await post('roles', ann, role);
    expect([made.status, made.body], JSON.stringify(made.body)).toEqual([
      201,
      expect.objectContaining({ ...role, is_built_in: false }),
    ]);
    expect(made.headers.get('location')).toBe('roles/finance');
    expect(outcome(await post('roles', ann, role))).toEqual(CONFLICT);
    expect(
      outcome(await post('roles', ann, { ...role, name: 'odd', permissions: ['a:b'] })),
    ).toEqual(INVALID);
    expect(items(await get('roles?sort=name', ann)).map(({ name }) => name)).toEqual([
      'admin',
      'developer',
      'finance',
      'viewer',
    ]);
    expect((await get('roles/finance', ann)).body).toEqual(made.body);
    expect(outcome(await get('roles', eve))).toEqual(REFUSED);
    expect(outcome(await get('roles/finance', eve))).toEqual(REFUSED);
    expect(outcome(await get('roles/nothing', ann))).toEqual(MISSING);
    const changed = await patch('roles/finance', ann, { permissions: ['run:read'] });
    expect(changed.body).toMatchObject({ label: 'Finance', permissions: ['run:read'] });
    expect(outcome(await patch('roles/nothing', ann, { label: 'N' }))).toEqual(MISSING);
    expect((await remove('roles/finance', ann)).status).toBe(204);
    expect(outcome(await remove('roles/finance', ann))).toEqual(MISSING);
    expect(outcome(await remove('roles/viewer', ann))).toEqual(CONFLICT);
  });
});

describe('an application', () => {
  it('gets another name, retention, settings and a limit of waiting runs', async () => {
    const change = {
      name: 'Web shop',
      run_retention_days: 30,
      max_waiting_runs: 7,
      search_language: 'german',
      settings: { currency: 'EUR' },
    };
    const changed = await patch('application', ann, change);
    expect([changed.status, changed.body]).toEqual([200, expect.objectContaining(change)]);
    const kept = await patch('application', ann, { description: 'Ours' });
    expect(kept.body).toMatchObject({ ...change, description: 'Ours' });
    const asKey = { token: key };
    expect((await get('application', asKey)).body).toMatchObject({ app_code: app });
    const byKey = await patch('application', asKey, { description: 'By a machine' });
    expect([byKey.status, byKey.body.description]).toEqual([200, 'By a machine']);
    const unlimited = await patch('application', ann, { max_waiting_runs: null });
    expect(unlimited.body.max_waiting_runs).toBeNull();
    expect(outcome(await patch('application', ann, { name: '  ' }))).toEqual(INVALID);
    const unknown = await patch('application', ann, { search_language: 'klingon' });
    expect(outcome(unknown)).toEqual(INVALID);
    expect(outcome(await patch('application', eve, { name: 'Mine' }))).toEqual(REFUSED);
    expect((await get('application', ann)).body.name).toBe('Web shop');
    expect(items(await get('applications', ann)).map(({ name }) => name)).toEqual(['Web shop']);
    expect(outcome(await get('applications?owner=ann', ann))).toEqual(INVALID);
  });

  it('is exported page by page', async () => {
    const { tables } = (await get('application/export', ann)).body as { tables: string[] };
    expect(tables).toEqual(expect.arrayContaining(['app_roles', 'applications', 'run_events']));
    const names: unknown[] = [];
    let cursor: unknown = '';
    for (let page = 0; page < 5 && cursor !== null; page += 1) {
      const query = `limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`;
      const answer = await get(`application/export/app_roles?${query}`, ann);
      names.push(...items(answer).map(({ name }) => name));
      cursor = answer.body.next_cursor;
    }
    expect(cursor).toBeNull();
    expect(names).toEqual(['admin', 'developer', 'viewer']);
    const secret = JSON.stringify((await get('application/export/api_keys', ann)).body);
    expect(secret).not.toContain(key);
    expect(outcome(await get('application/export/users', ann))).toEqual(INVALID);
    for (const place of ['nonsense', Buffer.from('{}').toString('base64url')]) {
      const odd = await get(`application/export/app_roles?cursor=${place}`, ann);
      expect(outcome(odd)).toEqual(INVALID);
    }
    const wrong = Buffer.from('["x", 1, "\\u0000"]').toString('base64url');
    const refused = await get(`application/export/run_events?cursor=${wrong}`, ann);
    expect(outcome(refused)).toEqual(INVALID);
  });

  it('becomes the active one of the session in the token, and of no other session', async () => {
    const made = await post('applications', ann, {
      app_code: second,
      name: 'Second',
      organization_id: organization,
    });
    expect(made.status).toBe(201);
    const sessions = [randomUUID(), randomUUID()];
    const tokens = await Promise.all(
      sessions.map((sessionId) => signToken({ id: ann.id, app_code: app }, { sessionId })),
    );
    for (const token of tokens) await post(`applications/${app}/switch`, { token });
    const switched = await post(`applications/${second}/switch`, { token: tokens[1] ?? '' });
    expect([switched.status, switched.body.app_code]).toEqual([200, second]);
    const rows = await sql<{ session_id: string; app_code: string }>(
      `select session_id, app_code from stepbase_private.session_apps
       where session_id = any ($1) order by array_position($1, session_id)`,
      [sessions],
    );
    expect(rows.map(({ app_code }) => app_code)).toEqual([app, second]);
    expect(outcome(await post(`applications/${second}/switch`, eve))).toEqual(MISSING);
  });

  it('moves to another organization, whose members it then has', async () => {
    const other = await post('organizations', ann, { slug: `${app}-c`, name: 'C' });
    const body = { organization_id: other.body.id };
    const path = `organizations/${other.body.id}/members`;
    expect(outcome(await post(`applications/${second}/transfer`, eve, body))).toEqual(MISSING);
    expect(outcome(await get(path, eve))).toEqual(MISSING);
    const admin = await inApp(ann, second);
    const moved = await post(`applications/${second}/transfer`, admin, body);
    expect([moved.status, moved.body.organization_id]).toEqual([200, other.body.id]);
    expect(items(await get(path, admin)).map(({ user_id }) => user_id)).toEqual([ann.id]);
  });

  it('is deactivated, reactivated and deleted by its admin', async () => {
    const path = `applications/${second}`;
    const admin = await inApp(ann, second);
    for (const action of ['deactivate', 'reactivate']) {
      expect(outcome(await post(`${path}/${action}`, eve))).toEqual(MISSING);
    }
    const off = await post(`${path}/deactivate`, admin);
    expect([off.status, off.body.status]).toEqual([200, 'deactivated']);
    expect(outcome(await get('application', admin))).toEqual(REFUSED);
    const mine = items(await get('me/applications', admin));
    expect(mine.find(({ app_code }) => app_code === second)?.deactivated_at).not.toBeNull();
    expect((await post(`${path}/reactivate`, admin)).body.status).toBe('active');

    const workflow = await publishWorkflow({ id: ann.id, app_code: second });
    await post(`workflows/${workflow}/runs`, admin, { input: { n: 1 } });
    expect(outcome(await remove(path, eve))).toEqual(MISSING);
    const open = await remove(path, admin);
    expect([...outcome(open), open.body.open_runs]).toEqual([...CONFLICT, 1]);
    const deleted = await remove(`${path}?force=true`, admin);
    expect([deleted.status, deleted.body.status]).toEqual([200, 'deleting']);
    expect(deleted.body.purge_at).not.toBeNull();
    expect((await post(`${path}/reactivate`, admin)).body.status).toBe('active');
  });
});

it('calls each operation with success and without', () => {
  expect(
    untested(
      /^\/v1\/(organizations|roles|me\/applications|application\/export|applications(\/|$)|application$)/,
    ),
  ).toEqual([]);
});
