// A key acts for its owner: what the owner loses, the key loses with the next request, until another admin adopts it.
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { seedUser } from '../support/stack.ts';
import {
  type Api,
  asPerson,
  call,
  type Person,
  publishWorkflow,
  sql,
  startApi,
} from './support.ts';

const APP = 'acme';

let api: Api;
let workflow: string;
let owner: Person;
let key: { id: string; key: string };

beforeAll(async () => {
  api = await startApi();
  workflow = await publishWorkflow(seedUser('admin@acme'));
});
afterAll(() => api?.stop());

beforeEach(async () => {
  owner = { id: randomUUID(), app_code: APP };
  await sql(
    "insert into auth.users (id, aud, role, email) values ($1, 'authenticated', 'authenticated', $2)",
    [owner.id, `${owner.id}@keys.example`],
  );
  await sql('insert into stepbase.app_members (app_code, user_id, role) values ($1, $2, $3)', [
    APP,
    owner.id,
    'admin',
  ]);
  const [made] = await asPerson<{ made: typeof key }>(
    owner,
    'select stepbase.create_api_key(name => $1, scopes => $2) as made',
    [`of ${owner.id}`, ['run:execute', 'run:read']],
  );
  if (made === undefined) throw new Error('no key was made');
  key = made.made;
});
afterEach(async () => {
  await sql('delete from auth.users where id = $1', [owner.id]);
});

async function statuses(): Promise<[start: number, read: number]> {
  const started = await call(`${api.url}/v1/workflows/${workflow}/runs`, {
    token: key.key,
    body: { input: { n: 1 } },
  });
  const read = await call(`${api.url}/v1/runs/${randomUUID()}`, { token: key.key });
  return [started.status, read.status];
}

describe('the owner of an API key', () => {
  it.each([
    [
      'becomes a viewer',
      "update stepbase.app_members set role = 'viewer' where user_id = $1",
      [403, 404],
    ],
    ['is removed', 'delete from stepbase.app_members where user_id = $1', [401, 401]],
    ['is deactivated', 'update stepbase.users set is_active = false where id = $1', [401, 401]],
    ['is soft-deleted', 'update stepbase.users set deleted_at = now() where id = $1', [401, 401]],
    ['is deleted', 'delete from auth.users where id = $1', [401, 401]],
  ])('%s: the key can do no more', async (_name, change, expected) => {
    expect(await statuses()).toEqual([201, 404]);
    await sql(change, [owner.id]);
    expect(await statuses()).toEqual(expected);
  });

  it('is replaced by the admin who adopts the key', async () => {
    await sql('delete from auth.users where id = $1', [owner.id]);
    expect(await statuses()).toEqual([401, 401]);
    const [adopted] = await asPerson<{ scopes: string[] }>(
      seedUser('admin@acme'),
      'select stepbase.adopt_api_key($1) as scopes',
      [key.id],
    );
    expect(adopted?.scopes).toEqual(['run:execute', 'run:read']);
    expect(await statuses()).toEqual([201, 404]);
    const audited = await sql<{ actor_id: string }>(
      `select actor_id from stepbase.audit_log
       where table_name = 'api_keys' and row_id = $1 and 'owner_id' = any (changed_columns)
         and actor_id is not null`,
      [key.id],
    );
    expect(audited).toEqual([{ actor_id: seedUser('admin@acme').id }]);
  });
});
