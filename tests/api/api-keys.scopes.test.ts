// API keys: a key allows its scopes, in its app only, until it is revoked.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seedUser } from '../support/stack.ts';
import { type Api, asPerson, call, publishWorkflow, sql, startApi } from './support.ts';

let api: Api;
let workflow: string;

beforeAll(async () => {
  api = await startApi();
  workflow = await publishWorkflow(seedUser('admin@acme'));
});
afterAll(() => api?.stop());

interface Key {
  id: string;
  key: string;
}

async function createKey(scopes: string[], person = seedUser('admin@acme')): Promise<Key> {
  const [row] = await asPerson<{ made: Key }>(
    person,
    'select stepbase.create_api_key(name => $1, scopes => $2) as made',
    ['api test', scopes],
  );
  if (row === undefined) throw new Error('create_api_key returned no row');
  return row.made;
}

const start = (key: string) =>
  call(`${api.url}/v1/workflows/${workflow}/runs`, { token: key, body: { input: { n: 1 } } });

describe('an API key', () => {
  it('starts, reads and cancels runs within its scopes', async () => {
    const { key } = await createKey(['run:execute', 'run:read', 'run:cancel']);
    const started = await start(key);
    expect([started.status, started.body.created_by]).toEqual([201, null]);
    const url = `${api.url}/v1/runs/${started.body.id}`;
    expect((await call(url, { token: key })).status).toBe(200);
    const inApikey = await call(url, { headers: { apikey: key } });
    expect(inApikey.status).toBe(200);
    const cancelled = await call(`${url}/cancel`, { token: key, body: {} });
    expect([cancelled.status, cancelled.body.status]).toEqual([200, 'cancelled']);
  });

  it('allows nothing beyond its scopes', async () => {
    const { key } = await createKey(['run:read']);
    const refused = await start(key);
    expect([refused.status, refused.body.code]).toEqual([403, 'permission_denied']);
    expect(refused.body.permission).toBe('run:execute');
  });

  it('has no access to another app', async () => {
    const { key } = await createKey(['run:execute', 'run:read'], seedUser('admin@globex'));
    const refused = await start(key);
    expect([refused.status, refused.body.code]).toEqual([404, 'not_found']);
  });

  it('is refused after it was revoked; an unknown key is refused too', async () => {
    const { id, key } = await createKey(['run:execute', 'run:read']);
    expect((await start(key)).status).toBe(201);
    await asPerson(seedUser('admin@acme'), 'select stepbase.revoke_api_key($1)', [id]);
    const refused = await start(key);
    expect([refused.status, refused.body.code]).toEqual([401, 'not_authenticated']);
    expect((await start(`sbk_${'x'.repeat(43)}`)).status).toBe(401);
  });

  it('is stored only as a hash, and its last use is recorded', async () => {
    const { id, key } = await createKey(['run:read']);
    await call(`${api.url}/v1/runs/${id}`, { token: key });
    const [row] = await sql<{ text: string; last_used_at: Date | null }>(
      'select to_jsonb(k)::text as text, k.last_used_at from stepbase.api_keys k where k.id = $1',
      [id],
    );
    expect(row?.text).not.toContain(key.slice(12));
    expect(row?.last_used_at).not.toBeNull();
  });
});
