// The HTTP API with the secret key of the project: the header x-stepbase-app names the application, and the statements
// run under its row-level security.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { seedUser } from '../support/stack.ts';
import {
  type Answer,
  type Api,
  asPerson,
  call,
  publishWorkflow,
  signToken,
  sql,
  startApi,
} from './support.ts';

const SECRET_KEY = 'sb_secret_api_tests';
const admin = seedUser('admin@acme');
let api: Api;
let workflow: string;
let runId: string;

beforeAll(async () => {
  api = await startApi();
  workflow = await publishWorkflow(admin);
  const started = await start({ apikey: SECRET_KEY, 'x-stepbase-app': 'acme' });
  expect(started.status).toBe(201);
  runId = String(started.body.id);
});
afterAll(() => api?.stop());

function start(headers: Record<string, string>): Promise<Answer> {
  return call(`${api.url}/v1/workflows/${workflow}/runs`, { headers, body: { input: { n: 1 } } });
}

async function read(headers: Record<string, string>): Promise<number> {
  return (await call(`${api.url}/v1/runs/${runId}`, { headers })).status;
}

it('acts for the named application, and the history names the secret key', async () => {
  const [created] = await sql<{ app_code: string; actor: unknown }>(
    `select app_code, payload -> 'actor' as actor from stepbase.run_events
     where run_id = $1 and event_type = 'run.created'`,
    [runId],
  );
  expect(created).toEqual({ app_code: 'acme', actor: { role: 'service_role' } });
  expect(await read({ apikey: SECRET_KEY, 'x-stepbase-app': 'acme' })).toBe(200);
  expect(await read({ authorization: `Bearer ${SECRET_KEY}`, 'x-stepbase-app': 'acme' })).toBe(200);
});

it('sees nothing of another application, and answers 404 for one that does not exist', async () => {
  for (const app of ['globex', 'no-such-app']) {
    expect(await read({ apikey: SECRET_KEY, 'x-stepbase-app': app })).toBe(404);
    expect((await start({ apikey: SECRET_KEY, 'x-stepbase-app': app })).status).toBe(404);
  }
});

it('needs the header', async () => {
  const answer = await start({ apikey: SECRET_KEY });
  expect([answer.status, answer.body.code]).toEqual([400, 'invalid_request']);
  expect(answer.body.detail).toContain('x-stepbase-app');
});

it('ignores the header of users and API keys', async () => {
  const foreign = { authorization: `Bearer ${await signToken(seedUser('admin@globex'))}` };
  expect(await read({ ...foreign, 'x-stepbase-app': 'acme' })).toBe(404);
  const [made] = await asPerson<{ made: { key: string } }>(
    seedUser('admin@globex'),
    'select stepbase.create_api_key(name => $1) as made',
    [`header ${randomUUID()}`],
  );
  const key = { authorization: `Bearer ${made?.made.key}`, 'x-stepbase-app': 'acme' };
  expect(await read(key)).toBe(404);
  expect((await start(key)).status).toBe(404);
});

it('names the API key in the history of a run', async () => {
  const [made] = await asPerson<{ made: { id: string; key: string } }>(
    admin,
    'select stepbase.create_api_key(name => $1) as made',
    [`actor ${randomUUID()}`],
  );
  const started = await start({ authorization: `Bearer ${made?.made.key}` });
  const [created] = await sql<{ actor: unknown }>(
    `select payload -> 'actor' as actor from stepbase.run_events
     where run_id = $1 and event_type = 'run.created'`,
    [started.body.id],
  );
  expect(created?.actor).toEqual({ api_key_id: made?.made.id });
});
