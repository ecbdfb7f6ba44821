// The guide docs/operations/split.md, step by step with two installations: an application moves from one to the other by the
// commands of the page. New runs start in the new one, and open runs end in the old one.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROOT } from '../../scripts/stack/options.ts';
import type { Stack } from '../../scripts/stack/stack.ts';
import { startThrowawayStack } from '../../scripts/stack/throwaway.ts';
import { createFolder, type Ended, type Folder } from '../cli/support.ts';
import {
  pool,
  type StackClient,
  type StackInfo,
  signedIn,
  stackInfo,
  waitFor,
} from '../support/stack.ts';

const APP = 'my-shop';
const GUIDE = readFileSync(join(ROOT, 'docs/operations/split.md'), 'utf8');

/** The statements of the guide, in its order. */
const STATEMENTS = [...GUIDE.matchAll(/```sql\n([\s\S]*?)```/g)].map(([, text = '']) => text);
/** The commands of its block; `pull` and those before it name the old project. */
const COMMANDS = (/```sh\n([\s\S]*?)```/.exec(GUIDE)?.[1] ?? '')
  .split('\n')
  .filter((line) => line.startsWith('stepbase '))
  .map((line) => line.slice('stepbase '.length));

interface Side {
  info: StackInfo;
  admin: StackClient;
  key: string;
}

let other: Stack;
let old: Side;
let next: Side;
let folder: Folder;

/** The application, with an API key: as its first admin makes both. */
async function createSide(info: StackInfo): Promise<Side> {
  const admin = await signedIn('admin@acme', info);
  const company = await admin
    .rpc('create_organization', { slug: 'my-company', name: 'My company' })
    .single<{ id: string }>();
  if (company.error) throw new Error(company.error.message);
  const made = await admin.rpc('create_application', {
    ...{ app_code: APP, name: 'My shop', organization_id: company.data.id },
  });
  expect(made.error).toBeNull();
  expect((await admin.rpc('switch_app', { app_code: APP })).error).toBeNull();
  expect((await admin.auth.refreshSession()).error).toBeNull();
  const { data, error } = await admin.rpc('create_api_key', { name: 'split' });
  if (error) throw new Error(error.message);
  return { info, admin, key: (data as { key: string }).key };
}

beforeAll(async () => {
  other = await startThrowawayStack({ web: false });
  [old, next] = await Promise.all([createSide(stackInfo()), createSide(other.info)]);
  folder = createFolder();
});
afterAll(async () => {
  await other?.stop();
});

const count = async ({ info }: Side): Promise<number> => {
  const { rows } = await pool(info.db_url).query<{ count: string }>(
    'select count(*) from stepbase.runs where app_code = $1',
    [APP],
  );
  return Number(rows[0]?.count);
};

/** Runs a command of the guide, with the addresses of the installations. */
async function play(command: string): Promise<Ended> {
  const line = command
    .replace('https://abc.supabase.co', old.info.api_url)
    .replace('https://xyz.supabase.co', next.info.api_url);
  const side = command.includes('new') ? next : old;
  const ended = line.startsWith('login')
    ? await folder.piped(side.key, line)
    : await folder.stepbase(`${line} --json`);
  expect(ended.exit, `${line}: ${ended.stderr}${ended.stdout}`).toBe(0);
  return ended;
}

async function publish({ admin }: Side, name: string, nodes: object[], edges: object[] = []) {
  const saved = await admin
    .rpc('save_workflow', { kebab_name: name, definition: { nodes, edges } as never })
    .single<{ id: string }>();
  if (saved.error) throw new Error(saved.error.message);
  const made = await admin.rpc('publish_workflow', { workflow_version_id: saved.data.id });
  if (made.error) throw new Error(made.error.message);
}

const node = (id: string, type: string, config: object) => ({ id, type, data: { config } });

test('an application moves by the commands of the guide, without a lost or doubled start', async () => {
  await publish(old, 'pack', [node('done', 'transform', { expression: 'input.n + 1' })]);
  await publish(
    old,
    'order-shipping',
    [
      node('pack', 'child_workflow', {
        workflow: 'pack',
        input: { n: '{{ input.n }}' },
        wait: true,
      }),
      node('ask', 'wait_for_approval', { title: 'Ship?' }),
      node('sent', 'transform', { expression: 'steps.pack.output.done' }),
    ],
    [
      { id: 'e1', source: 'pack', target: 'ask' },
      { id: 'e2', source: 'ask', target: 'sent', sourceHandle: 'approved' },
    ],
  );
  const pack = await old.admin
    .from('workflows')
    .select('id')
    .eq('kebab_name', 'pack')
    .single<{ id: string }>();
  const schedule = await old.admin.from('workflow_schedules').insert({
    ...{ workflow_id: pack.data?.id ?? '', cron_expression: '0 7 * * *', name: 'Every morning' },
    input: { n: 1 },
  });
  expect(schedule.error).toBeNull();
  const secret = { name: 'token', value: 'of-the-vault', allowed_hosts: ['shop.example'] };
  expect((await old.admin.rpc('set_secret', secret)).error).toBeNull();
  const open = await old.admin
    .rpc('start_run', { workflow: 'order-shipping', input: { n: 1 } })
    .single<{ id: string }>();
  expect(open.error).toBeNull();

  // Which application moves?
  const steps = await pool(old.info.db_url).query<{ app_code: string }>(STATEMENTS[0] ?? '');
  expect(steps.rows.map(({ app_code }) => app_code)).toContain(APP);

  // Prepare the new project.
  expect(COMMANDS).toHaveLength(9);
  const played: Record<string, Ended> = {};
  for (const command of COMMANDS) played[command] = await play(command);
  expect((await play('secrets list --link old')).stdout).toContain('token');
  expect(
    (await folder.piped('of-the-vault', 'secrets set token --host shop.example --link new')).exit,
  ).toBe(0);
  expect((await play('secrets list --link new')).stdout).toContain('token');
  expect((await folder.stepbase('doctor --link new')).stderr).not.toContain('failed');
  const tried = await folder.stepbase('start pack', '{"n": 1}', '--wait', '--link', 'new');
  expect(tried.exit, tried.stderr).toBe(0);
  expect(await count(next)).toBe(1);

  // Cut over: schedules.
  const { data: ids } = await old.admin.from('workflow_schedules').select('id, is_enabled');
  expect(ids).toMatchObject([{ is_enabled: true }]);
  for (const { id } of ids ?? []) await play(`schedules pause ${id} --link old`);
  await play('push --link new --only schedules');
  const moved = await next.admin.from('workflow_schedules').select('id, name, is_enabled');
  expect(moved.data).toMatchObject([{ name: 'Every morning', is_enabled: true }]);
  await play(`schedules run ${moved.data?.[0]?.id} --link new`);
  expect(await count(next)).toBe(2);

  // Drain: the open run ends in the old project, and nothing starts there any more.
  const left = async () =>
    (await pool(old.info.db_url).query<{ count: string }>(STATEMENTS[1] ?? '')).rows;
  expect((await left()).length).toBeGreaterThan(0);
  const runId = open.data?.id ?? '';
  const task = await waitFor('the task waits', async () => {
    const { data } = await old.admin
      .from('step_runs')
      .select('id')
      .match({ run_id: runId, step_id: 'ask', status: 'waiting' });
    return data?.[0];
  });
  const decided = await old.admin.rpc('decide_approval', { step_run_id: task.id, approved: true });
  expect(decided.error).toBeNull();
  await waitFor('no run is open', async () => (await left()).length === 0);
  const ended = await old.admin.from('runs').select('status, output').eq('id', runId).single();
  expect(ended.data).toEqual({ status: 'completed', output: { sent: 2 } });
  const before = await count(old);
  expect((await old.admin.rpc('deactivate_application', { app_code: APP })).error).toBeNull();
  const late = await folder.stepbase('start pack', '{"n": 1}', '--link', 'old');
  expect(late.exit).not.toBe(0);
  expect(await count(old)).toBe(before);
});
