// A rotated API key: the machine works with either key during the overlap, and two admins cannot rotate at once.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { seedUser } from '../support/stack.ts';
import { type Api, asPerson, call, publishWorkflow, sql, startApi } from './support.ts';

interface Made {
  id: string;
  key: string;
}

const admin = seedUser('admin@acme');
let api: Api;
let workflow: string;
let made: Made;

beforeAll(async () => {
  api = await startApi();
  workflow = await publishWorkflow(admin);
});
afterAll(() => api?.stop());

beforeEach(async () => {
  const [row] = await asPerson<{ made: Made }>(
    admin,
    "select stepbase.create_api_key(name => 'rotated', scopes => '{run:execute}') as made",
  );
  if (row === undefined) throw new Error('no key was made');
  made = row.made;
});

async function rotate(overlapSeconds: number): Promise<Made> {
  const [row] = await asPerson<{ made: Made }>(
    admin,
    'select stepbase.rotate_api_key(api_key_id => $1, overlap_seconds => $2) as made',
    [made.id, overlapSeconds],
  );
  if (row === undefined) throw new Error('no key was returned');
  return row.made;
}

async function start(key: string): Promise<number> {
  const { status } = await call(`${api.url}/v1/workflows/${workflow}/runs`, {
    token: key,
    body: { input: { n: 1 } },
  });
  return status;
}

test('both keys start runs until the overlap ends', async () => {
  const next = await rotate(3600);
  expect(next.id).toBe(made.id);
  expect([await start(made.key), await start(next.key)]).toEqual([201, 201]);
  await sql(
    'update stepbase.api_keys set rotated_at = created_at, overlap_ends_at = now() where id = $1',
    [made.id],
  );
  expect([await start(made.key), await start(next.key)]).toEqual([401, 201]);
});

test('without an overlap only the new key starts runs', async () => {
  const kept = await rotate(3600);
  const next = await rotate(0);
  expect([await start(made.key), await start(kept.key), await start(next.key)]).toEqual([
    401, 401, 201,
  ]);
});

test('of rotations at the same time one succeeds, and its key and the replaced one are valid', async () => {
  const results = await Promise.allSettled([1, 2, 3, 4, 5].map(() => rotate(3600)));
  const [next, ...others] = results.flatMap((result) =>
    result.status === 'fulfilled' ? [result.value] : [],
  );
  expect(others).toEqual([]);
  for (const result of results) {
    if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'SB409' });
  }
  expect([await start(made.key), await start(next?.key ?? '')]).toEqual([201, 201]);
});

test('of rotations without an overlap at the same time the last key is valid', async () => {
  const keys = await Promise.all([1, 2, 3, 4, 5].map(() => rotate(0)));
  const statuses = await Promise.all(keys.map(({ key }) => start(key)));
  expect(statuses.sort()).toEqual([201, 401, 401, 401, 401]);
  expect(await start(made.key)).toBe(401);
});
