// A server with the secret key of the project calls RPCs by supabase-js for the application in x-stepbase-app.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { client, pool, type StackClient, signedIn, stackInfo } from '../support/stack.ts';

const HEADER = 'x-stepbase-app';
const mark = randomUUID().slice(0, 8);
const name = `secret-key-${mark}`;
/** A word of the description, for searches. */
const word = `word${mark}`;
const definition = {
  nodes: [{ id: 'wait', type: 'wait_for_approval', data: { config: { title: 'Go?' } } }],
  edges: [],
};
const service = () => client(stackInfo(), stackInfo().secret_key);

let developer: StackClient;
let runId: string;
let versionId: string;

beforeAll(async () => {
  developer = await signedIn('developer@acme');
  const saved = await service()
    .rpc('save_workflow', { kebab_name: name, definition, description: word })
    .setHeader(HEADER, 'acme');
  versionId = saved.data?.id ?? '';
  await service()
    .rpc('publish_workflow', { workflow_version_id: versionId })
    .setHeader(HEADER, 'acme');
  const started = await service().rpc('start_run', { workflow: name }).setHeader(HEADER, 'acme');
  expect(started.error).toBeNull();
  runId = started.data?.id ?? '';
});
afterAll(async () => {
  const db = pool();
  await db.query('delete from stepbase.runs where id = $1', [runId]);
  await db.query('delete from stepbase.workflows where kebab_name = $1', [name]);
});

describe('with the header', () => {
  test('it acts for the application, whose members see the result', async () => {
    const { data } = await developer.from('runs').select('app_code, created_by').eq('id', runId);
    expect(data).toEqual([{ app_code: 'acme', created_by: null }]);
  });

  test('events and audit rows name the secret key', async () => {
    for (const rpc of ['pause_run', 'resume_run'] as const) {
      const { error } = await service().rpc(rpc, { run_id: runId }).setHeader(HEADER, 'acme');
      expect(error).toBeNull();
    }
    const { data: events } = await developer
      .from('run_events')
      .select('event_type, actor_id, payload')
      .eq('run_id', runId)
      .in('event_type', ['run.created', 'run.paused', 'run.resumed', 'run.started']);
    const actors = events?.map(({ event_type, actor_id, payload }) => [
      event_type,
      actor_id,
      (payload as Record<string, unknown>).actor,
    ]);
    const machine = { role: 'service_role' };
    expect(actors).toContainEqual(['run.created', null, machine]);
    expect(actors).toContainEqual(['run.paused', null, machine]);
    expect(actors).toContainEqual(['run.resumed', null, machine]);
    expect(actors?.filter(([type]) => type === 'run.started')[0]?.[2]).toBeUndefined();
    const admin = await signedIn('admin@acme');
    const { data: audit } = await admin
      .from('audit_log')
      .select('operation, actor_id, api_key_id, actor_role')
      .eq('table_name', 'workflow_versions')
      .eq('row_id', versionId);
    expect(audit?.length).toBeGreaterThan(0);
    for (const row of audit ?? []) {
      expect(row).toMatchObject({ actor_id: null, api_key_id: null, actor_role: 'service_role' });
    }
  });

  test('it reads no run of another application', async () => {
    const read = await service()
      .rpc('query_run', { run_id: runId, query_name: 'status' })
      .setHeader(HEADER, 'globex');
    expect(read.error?.code).toBe('SB404');
    const filter = { text: word };
    const found = await service().rpc('search_runs', { filter }).setHeader(HEADER, 'globex');
    expect(found).toMatchObject({ error: null, data: { items: [] } });
    const own = await service().rpc('search_runs', { filter }).setHeader(HEADER, 'acme');
    expect(own.data).toMatchObject({ items: [{ id: runId }] });
  });

  test('an application that does not exist is an error', async () => {
    const { error } = await service()
      .rpc('start_run', { workflow: name })
      .setHeader(HEADER, 'no-such-app');
    expect(error).toMatchObject({ code: 'SB404' });
    expect(error?.message).toContain('no-such-app');
  });
});

test('without the header the error names it', async () => {
  for (const call of [
    service().rpc('start_run', { workflow: name }),
    service().rpc('search_runs', { filter: { text: word } }),
    service().rpc('workflow_statistics'),
  ]) {
    const { error } = await call;
    expect(error).toMatchObject({ code: 'SB400' });
    expect(error?.message).toContain(HEADER);
  }
});

test('the header of a user or of the publishable key has no effect', async () => {
  const stranger = await signedIn('developer@globex');
  const refused = await stranger.rpc('start_run', { workflow: name }).setHeader(HEADER, 'acme');
  expect(refused.error?.code).toBe('SB404');
  const own = await developer
    .rpc('search_runs', { filter: { text: word } })
    .setHeader(HEADER, 'globex');
  expect(own.data).toMatchObject({ items: [{ id: runId }] });
  const anonymous = await client().rpc('start_run', { workflow: name }).setHeader(HEADER, 'acme');
  expect(anonymous.error?.code).toBe('42501');
  // The token decides, not the key beside it.
  const { data } = await stranger.auth.getSession();
  const both = await service()
    .rpc('start_run', { workflow: name })
    .setHeader('authorization', `Bearer ${data.session?.access_token}`)
    .setHeader(HEADER, 'acme');
  expect(both.error?.code).toBe('SB404');
});
