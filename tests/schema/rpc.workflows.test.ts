// A client saves and publishes workflows and switches the application with supabase-js.

import { createHash, randomUUID } from 'node:crypto';
import { afterAll, describe, expect, test } from 'vitest';
import type { Database, Json } from '../../types/database.ts';
import { pool, signedIn } from '../support/stack.ts';

type Version = Database['stepbase']['Tables']['workflow_versions']['Row'];

const name = `rpc-${randomUUID().slice(0, 8)}`;
const SOUND: Json = {
  nodes: [
    { id: 'a', type: 'http_request', data: { config: { url: '{{ input.url }}' } } },
    { id: 'b', type: 'transform', data: { config: { expression: 'steps.a.output.body' } } },
  ],
  edges: [{ id: 'e', source: 'a', target: 'b' }],
};

afterAll(async () => {
  await pool().query('delete from stepbase.workflows where kebab_name = $1', [name]);
});

describe('save_workflow and publish_workflow', () => {
  test('a developer saves a draft, publishes it, and saves the next draft', async () => {
    const developer = await signedIn('developer@acme');
    const saved = await developer
      .rpc('save_workflow', { kebab_name: name, definition: SOUND, name: 'By RPC' })
      .single<Version>();
    expect(saved.error).toBeNull();
    expect(saved.data).toMatchObject({ version: 1, status: 'draft', app_code: 'acme' });

    const nodes = await developer
      .from('workflow_nodes')
      .select('node_id, reads, ordinal')
      .eq('workflow_version_id', saved.data?.id ?? '')
      .order('ordinal');
    expect(nodes.data).toEqual([
      { node_id: 'a', reads: [], ordinal: 0 },
      { node_id: 'b', reads: ['a'], ordinal: 1 },
    ]);

    const published = await developer
      .rpc('publish_workflow', { workflow_version_id: saved.data?.id })
      .single<Version>();
    expect(published.data).toMatchObject({ id: saved.data?.id, status: 'published' });

    const next = await developer
      .rpc('save_workflow', { kebab_name: name, definition: SOUND })
      .single<Version>();
    expect(next.data).toMatchObject({ version: 2, status: 'draft' });
  });

  test('an invalid definition is refused with every problem and its node', async () => {
    const developer = await signedIn('developer@acme');
    const cyclic: Json = {
      nodes: [
        { id: 'a', type: 'delay' },
        { id: 'b', type: 'delay' },
      ],
      edges: [
        { id: '1', source: 'a', target: 'b' },
        { id: '2', source: 'b', target: 'a' },
      ],
    };
    const { data, error } = await developer.rpc('save_workflow', {
      kebab_name: `${name}-cyclic`,
      definition: cyclic,
    });
    expect(data).toBeNull();
    expect(error?.code).toBe('SB423');
    const detail = JSON.parse(error?.details ?? '{}') as Record<string, unknown>;
    expect(detail).toMatchObject({
      code: 'invalid_definition',
      node_id: 'a',
      errors: [
        { node: 'a', pointer: '/nodes/0', code: 'cycle' },
        { node: 'b', pointer: '/nodes/1', code: 'cycle' },
      ],
    });
    const left = await developer.from('workflows').select('id').eq('kebab_name', `${name}-cyclic`);
    expect(left.data).toEqual([]);
  });

  test('a viewer may not save or publish, and another application cannot see the workflow', async () => {
    const viewer = await signedIn('viewer@acme');
    const refused = await viewer.rpc('save_workflow', { kebab_name: name, definition: SOUND });
    expect(refused.error?.code).toBe('SB403');
    const seen = await viewer.from('workflows').select('kebab_name').eq('kebab_name', name);
    expect(seen.data).toHaveLength(1);

    const foreigner = await signedIn('developer@globex');
    const hidden = await foreigner.from('workflows').select('kebab_name').eq('kebab_name', name);
    expect(hidden.data).toEqual([]);
  });

  test('a published workflow cannot be renamed or rewritten', async () => {
    const developer = await signedIn('developer@acme');
    const renamed = await developer
      .from('workflows')
      .update({ kebab_name: `${name}-x` })
      .eq('kebab_name', name);
    expect(renamed.error?.code).toBe('SB424');
    const rewritten = await developer
      .from('workflow_versions')
      .update({ definition: SOUND })
      .eq('app_code', 'acme');
    expect(rewritten.error?.code).toBe('42501');
  });
});

describe('switch_app', () => {
  test('gives the claims of the other application after a refresh', async () => {
    const admin = await signedIn('admin@acme');
    const claims = async () =>
      (await admin.auth.getClaims()).data?.claims as Record<string, unknown>;
    expect(await claims()).toMatchObject({ app_code: 'acme', app_role: 'admin' });
    try {
      const switched = await admin.rpc('switch_app', { app_code: 'acme-labs' });
      expect(switched.error).toBeNull();
      await admin.auth.refreshSession();
      expect(await claims()).toMatchObject({ app_code: 'acme-labs', app_role: 'admin' });
      const seen = await admin.from('workflows').select('kebab_name').eq('app_code', 'acme');
      expect(seen.data).toEqual([]);
      const denied = await admin.rpc('switch_app', { app_code: 'globex' });
      expect(denied.error?.code).toBe('SB404');
    } finally {
      await admin.rpc('switch_app', { app_code: 'acme' });
    }
  });
});

describe('API keys', () => {
  test('are shown once, listed with all columns but without their hash, rotated and revoked', async () => {
    const admin = await signedIn('admin@acme');
    const made = await admin.rpc('create_api_key', { name: 'rpc test', scopes: ['run:read'] });
    expect(made.error).toBeNull();
    const key = made.data as { id: string; key: string };
    expect(key.key).toMatch(/^sbk_[\w-]{43}$/);
    const listed = async () => await admin.from('api_keys').select('*').eq('id', key.id).single();
    const first = await listed();
    expect(first.data).toMatchObject({
      name: 'rpc test',
      prefix: key.key.slice(0, 12),
      scopes: ['run:read'],
      rotated_at: null,
    });
    const hash = createHash('sha256').update(key.key).digest('hex');
    expect(JSON.stringify(first.data)).not.toContain(hash);

    const rotated = await admin.rpc('rotate_api_key', { api_key_id: key.id });
    const next = rotated.data as { id: string; key: string; overlap_ends_at: string };
    expect(next).toMatchObject({ id: key.id, key: expect.stringMatching(/^sbk_[\w-]{43}$/) });
    expect(next.key).not.toBe(key.key);
    const second = await listed();
    expect(second.data?.prefix).toBe(next.key.slice(0, 12));
    const { rotated_at: at, overlap_ends_at: ends } = second.data ?? {};
    expect(Date.parse(ends ?? '') - Date.parse(at ?? '')).toBe(86_400_000);
    const revoked = await admin.rpc('revoke_api_key', { api_key_id: key.id });
    expect(revoked.error).toBeNull();
    await pool().query('delete from stepbase.api_keys where id = $1', [key.id]);
  });
});

describe('search', () => {
  test('finds workflows and their runs by words', async () => {
    const viewer = await signedIn('viewer@acme');
    const workflows = await viewer.rpc('search_workflows', { query: 'confirmations' });
    expect(workflows.data).toMatchObject([{ kebab_name: 'order-confirmation' }]);
    const runs = await viewer.rpc('search_runs', {
      filter: { text: 'refund', status: 'cancelled' },
    });
    expect(runs.data).toMatchObject({ items: [{ id: '00000000-0000-4000-8000-000000000709' }] });
  });
});
