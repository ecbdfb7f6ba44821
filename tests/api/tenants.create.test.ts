// A new company without an operator, with supabase-js only: organization, application, roles, switching and leaving.

import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { describe, expect, test } from 'vitest';
import { client, pool, type StackClient, stackInfo, waitFor } from '../support/stack.ts';
import { sql } from './support.ts';

interface Person {
  id: string;
  email: string;
  password: string;
  as: StackClient;
}

const mark = () => randomUUID().slice(0, 8);

async function signUp(name: string): Promise<Person> {
  const email = `${name}-${mark()}@tenants.example`;
  const password = randomUUID();
  const as = client();
  const { data, error } = await as.auth.signUp({ email, password });
  if (error || !data.user) throw error ?? new Error('no user');
  return { id: data.user.id, email, password, as };
}

/** A second browser of the same person. */
async function signInAgain({ email, password }: Person): Promise<StackClient> {
  const as = client();
  expect((await as.auth.signInWithPassword({ email, password })).error).toBeNull();
  return as;
}

async function claims(as: StackClient): Promise<Record<string, unknown>> {
  const { data } = await as.auth.refreshSession();
  return decodeJwt(data.session?.access_token ?? '');
}

async function organization(founder: Person): Promise<string> {
  const { data, error } = await founder.as
    .rpc('create_organization', { slug: `company-${mark()}`, name: 'Company' })
    .single();
  expect(error).toBeNull();
  return (data as { id: string }).id;
}

async function application(founder: Person, organization_id: string): Promise<string> {
  const app_code = `app-x${mark()}`;
  const made = await founder.as.rpc('create_application', {
    app_code,
    name: 'Application',
    organization_id,
  });
  expect(made.error).toBeNull();
  expect((await founder.as.rpc('switch_app', { app_code })).error).toBeNull();
  expect(await claims(founder.as)).toMatchObject({ app_code, app_role: 'admin' });
  return app_code;
}

const join = (app: string, { id }: Person, role: string) =>
  sql('insert into stepbase.app_members (app_code, user_id, role) values ($1, $2, $3)', [
    app,
    id,
    role,
  ]);

const APPROVAL = {
  nodes: [
    {
      id: 'ask',
      type: 'wait_for_approval',
      data: { config: { title: 'Pay?', role: ['finance'] } },
    },
  ],
  edges: [],
};

describe('a new company', () => {
  test('creates its application, gives a role of its own, and runs a workflow that names it', async () => {
    const [founder, clerk] = [await signUp('founder'), await signUp('clerk')];
    expect(await claims(founder.as)).not.toHaveProperty('app_code');
    const app = await application(founder, await organization(founder));
    const role = await founder.as.rpc('create_role', {
      name: 'finance',
      permissions: ['run:read', 'task:complete'],
      label: 'Finance',
    });
    expect(role.error).toBeNull();
    await join(app, clerk, 'viewer');
    const given = await founder.as.rpc('set_member_role', { user_id: clerk.id, role: 'finance' });
    expect(given.error).toBeNull();
    expect(await claims(clerk.as)).toMatchObject({
      app_code: app,
      app_role: 'finance',
      permissions: ['run:read', 'task:complete'],
    });
    expect((await clerk.as.from('app_roles').select('name').order('ordinal')).data).toEqual(
      ['admin', 'developer', 'viewer', 'finance'].map((name) => ({ name })),
    );

    const saved = await founder.as
      .rpc('save_workflow', { kebab_name: 'pay', definition: APPROVAL })
      .single();
    expect(saved.error).toBeNull();
    const version = (saved.data as { id: string }).id;
    expect(
      (await founder.as.rpc('publish_workflow', { workflow_version_id: version })).error,
    ).toBeNull();
    const run = await founder.as.rpc('start_run', { workflow: 'pay' }).single();
    expect(run.error).toBeNull();
    const run_id = (run.data as { id: string }).id;
    const task = await waitFor('the task of the role finance', async () => {
      const { data } = await clerk.as
        .from('step_runs')
        .select('id, assigned_roles')
        .eq('run_id', run_id)
        .eq('status', 'waiting')
        .maybeSingle();
      return data ?? undefined;
    });
    expect(task.assigned_roles).toEqual(['finance']);
    const decided = await clerk.as.rpc('decide_approval', {
      step_run_id: task.id,
      approved: true,
    });
    expect(decided.error).toBeNull();
  });

  test('cannot exceed the limit of organizations with calls at the same time', async () => {
    const founder = await signUp('collector');
    const [settings] = await sql<{ most: number }>(
      'select max_organizations_per_user as most from stepbase_private.installation_settings',
    );
    const most = settings?.most ?? 0;
    const answers = await Promise.all(
      Array.from({ length: most + 3 }, () =>
        founder.as.rpc('create_organization', { slug: `many-${mark()}`, name: 'Many' }),
      ),
    );
    const codes = answers.map(({ error }) => error?.code ?? 'made').toSorted();
    expect(codes).toEqual([
      ...Array.from({ length: 3 }, () => 'SB429'),
      ...Array.from({ length: most }, () => 'made'),
    ]);
  });
});

describe('a session', () => {
  test('keeps its application when another session of the user switches', async () => {
    const founder = await signUp('two-browsers');
    const company = await organization(founder);
    const first = await application(founder, company);
    const laptop = await signInAgain(founder);
    expect(await claims(laptop)).toMatchObject({ app_code: first });
    const second = await application(founder, company);
    expect(await claims(laptop)).toMatchObject({ app_code: first });
    expect(await claims(founder.as)).toMatchObject({ app_code: second });
    expect(await claims(await signInAgain(founder))).toMatchObject({ app_code: second });
  });

  test('is forgotten after sign-out', async () => {
    const founder = await signUp('one-evening');
    await application(founder, await organization(founder));
    const { session_id } = await claims(founder.as);
    const known = () =>
      sql('select 1 from stepbase_private.session_apps where session_id = $1', [session_id]);
    expect(await known()).toHaveLength(1);
    expect((await founder.as.auth.signOut()).error).toBeNull();
    await pool(stackInfo().db_url).query('select stepbase_private.forget_ended_sessions()');
    expect(await known()).toHaveLength(0);
  });
});

describe('the last admin', () => {
  test('stays, even if all admins leave at the same time', async () => {
    const people = [await signUp('one'), await signUp('two'), await signUp('three')];
    const [founder] = people as [Person, Person, Person];
    const app = await application(founder, await organization(founder));
    for (const person of people.slice(1)) {
      await join(app, person, 'admin');
      expect(await claims(person.as)).toMatchObject({ app_code: app });
    }
    const answers = await Promise.all(people.map(({ as }) => as.rpc('leave_application')));
    expect(answers.map(({ error }) => error?.code ?? 'left').toSorted()).toEqual([
      'SB409',
      'left',
      'left',
    ]);
    expect(await sql('select role from stepbase.app_members where app_code = $1', [app])).toEqual([
      { role: 'admin' },
    ]);
  });
});
