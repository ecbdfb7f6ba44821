// What one tenant can do to another through the Data API and the HTTP API: memberships need consent, profiles and
// shared definitions show little, and open streams have a quota.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { client, type StackClient, seedUser, stackInfo, waitFor } from '../support/stack.ts';
import { type Api, call, publishWorkflow, signToken, sql, startApi } from './support.ts';

interface Made {
  id: string;
  email: string;
  as: StackClient;
}

const mark = randomUUID().slice(0, 8);
const own = `consent-own-${mark}`;
const common = `consent-common-${mark}`;
const target = `consent-target-${mark}`;
let ann: Made;
let bob: Made;
let eve: Made;

async function person(name: string): Promise<Made> {
  const email = `${name}-${mark}@consent.example`;
  const password = randomUUID();
  const admin = client(stackInfo(), stackInfo().secret_key).auth.admin;
  const { data, error } = await admin.createUser({ email, password, email_confirm: true });
  if (error) throw error;
  const as = client();
  expect((await as.auth.signInWithPassword({ email, password })).error).toBeNull();
  return { id: data.user.id, email, as };
}

const join = (app: string, { id }: Made, role: string) =>
  sql('insert into stepbase.app_members (app_code, user_id, role) values ($1, $2, $3)', [
    app,
    id,
    role,
  ]);
const invite = (by: Made, app: string, { id }: Made) =>
  by.as.from('app_members').insert({ app_code: app, user_id: id, role: 'viewer' });

async function claimsOf({ as }: Made): Promise<unknown> {
  const { data } = await as.auth.refreshSession();
  const payload = data.session?.access_token.split('.')[1] ?? '';
  return (JSON.parse(Buffer.from(payload, 'base64url').toString()) as { app_code?: string })
    .app_code;
}

beforeAll(async () => {
  const [organization] = await sql<{ id: string }>(
    'insert into stepbase.organizations (slug, name) values ($1, $1) returning id',
    [`consent-${mark}`],
  );
  for (const app of [own, common, target]) {
    await sql(
      'insert into stepbase.applications (app_code, organization_id, name) values ($1, $2, $1)',
      [app, organization?.id],
    );
  }
  [ann, bob, eve] = [await person('ann'), await person('bob'), await person('eve')];
  // Ann leads two applications, and shares one of them with Bob. Eve is nowhere with Ann.
  await join(own, ann, 'admin');
  await join(common, ann, 'developer');
  await join(common, bob, 'admin');
  await join(target, eve, 'admin');
  for (const one of [ann, bob, eve]) await one.as.auth.refreshSession();
  await ann.as.rpc('switch_app', { app_code: own });
  expect(await claimsOf(ann)).toBe(own);
});

describe('a membership', () => {
  test('cannot be given to a person who shares no application', async () => {
    expect((await invite(ann, own, eve)).error?.code).toBe('42501');
    const unknown = { ...eve, id: randomUUID() };
    expect((await invite(ann, own, unknown)).error?.code).toBe('42501');
  });

  test('of another application cannot be written', async () => {
    expect((await invite(ann, target, ann)).error?.code).toBe('42501');
    expect((await invite(ann, target, bob)).error?.code).toBe('42501');
  });

  test('does not count before the person accepts it', async () => {
    const accepted = await ann.as.from('app_members').insert({
      app_code: own,
      user_id: bob.id,
      role: 'viewer',
      accepted_at: '2026-01-01',
    } as never);
    expect(accepted.error?.code).toBe('42501');
    expect((await invite(ann, own, bob)).error).toBeNull();
    expect(await claimsOf(bob)).toBe(common);
    const { data } = await bob.as
      .from('app_members')
      .select('app_code, accepted_at')
      .eq('user_id', bob.id);
    expect(data?.find((member) => member.app_code === own)?.accepted_at).toBeNull();
    const byInviter = await ann.as
      .from('app_members')
      .update({ accepted_at: '2026-01-01' } as never)
      .eq('user_id', bob.id);
    expect(byInviter.error?.code).toBe('42501');
  });

  test('can be declined, and accepted', async () => {
    const declined = await bob.as
      .from('app_members')
      .delete()
      .eq('user_id', bob.id)
      .eq('app_code', own)
      .select();
    expect(declined.data).toHaveLength(1);
    expect((await bob.as.rpc('switch_app', { app_code: own })).error?.code).toBe('SB404');
    expect((await invite(ann, own, bob)).error).toBeNull();
    expect((await bob.as.rpc('switch_app', { app_code: own })).error).toBeNull();
    expect(await claimsOf(bob)).toBe(own);
  });
});

describe('a member reads', () => {
  test('only members of the own application', async () => {
    const { data } = await ann.as.from('users').select('id, email, display_name, avatar_url');
    expect(data?.map(({ id }) => id).sort()).toEqual([ann.id, bob.id].sort());
  });

  test('only id, e-mail, name and avatar of them', async () => {
    const [columns] = await sql<{ names: string[] }>(
      `select array_agg(a.attname::text) as names from pg_attribute a
       where a.attrelid = 'stepbase.users'::regclass and a.attnum > 0 and not a.attisdropped`,
    );
    const readable: string[] = [];
    for (const name of columns?.names ?? []) {
      const { error } = await ann.as.from('users').select(name as 'id');
      if (error === null) readable.push(name);
      else expect(error.code).toBe('42501');
    }
    expect(readable.sort()).toEqual(['avatar_url', 'display_name', 'email', 'id']);
  });
});

test('shared views hide drafts and ids of users', async () => {
  const name = await publishWorkflow(seedUser('admin@acme'));
  await sql("update stepbase.workflows set visibility = 'public' where kebab_name = $1", [name]);
  await sql(
    `insert into stepbase.workflow_versions (app_code, workflow_id, version, definition)
     select w.app_code, w.id, 2, '{"nodes": [{"id": "unreleased", "type": "delay", "data": {"config": {"ms": 7}}}], "edges": []}'
     from stepbase.workflows w where w.kebab_name = $1`,
    [name],
  );
  for (const view of ['shared_workflows', 'shared_components', 'shared_prompts'] as const) {
    const { data, error } = await ann.as.from(view as 'shared_workflows').select('*');
    expect(error).toBeNull();
    const text = JSON.stringify(data);
    expect(text).not.toContain('unreleased');
    expect(text).not.toContain(seedUser('admin@acme').id);
    expect(text).not.toMatch(/"(created|updated|published)_by"/);
    if (view === 'shared_workflows') {
      expect(
        data?.filter(({ kebab_name }) => kebab_name === name).map(({ version }) => version),
      ).toEqual([1]);
    }
  }
  const versions = await ann.as.from('workflow_versions').select('definition');
  expect(versions.data).toEqual([]);
  await sql("update stepbase.workflows set visibility = 'private' where kebab_name = $1", [name]);
});

describe('event streams', () => {
  let api: Api;
  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(() => api?.stop());

  test('above max_streams of the application answer 429, until one is closed', async () => {
    await sql('update stepbase.app_quotas set max_streams = 2 where app_code = $1', [target]);
    const eveAt = { id: eve.id, app_code: target };
    const workflow = await publishWorkflow(eveAt);
    const token = await signToken(eveAt);
    const started = await call(`${api.url}/v1/workflows/${workflow}/runs`, {
      token,
      body: { input: { n: 1 } },
    });
    const url = `${api.url}/v1/runs/${String(started.body.id)}/events`;
    const headers = { authorization: `Bearer ${token}`, accept: 'text/event-stream' };
    const open = async () => {
      const stop = new AbortController();
      const response = await fetch(url, { headers, signal: stop.signal });
      return { stop, response };
    };
    const [one, two] = [await open(), await open()];
    expect([one.response.status, two.response.status]).toEqual([200, 200]);
    const third = await open();
    expect(third.response.status).toBe(429);
    expect(await third.response.json()).toMatchObject({
      code: 'limit_reached',
      quota: 'max_streams',
      limit: 2,
    });
    one.stop.abort();
    const again = await waitFor('room for another stream', async () => {
      const next = await open();
      if (next.response.status === 200) return next;
      await next.response.body?.cancel();
      return undefined;
    });
    two.stop.abort();
    again.stop.abort();
  });
});
