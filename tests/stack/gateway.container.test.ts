// The services of the gateway on a PostgreSQL beside them, with given keys, forwarding to functions that run elsewhere.

import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type GatewayEnv, gatewayOptions } from '../../scripts/stack/gateway-options.ts';
import { findFreePorts } from '../../scripts/stack/ports.ts';
import { type Cluster, startCluster } from '../../scripts/stack/postgres/cluster.ts';
import type { Stack } from '../../scripts/stack/stack.ts';
import { startThrowawayStack } from '../../scripts/stack/throwaway.ts';
import { signedIn } from '../support/stack.ts';

const PUBLIC_URL = 'http://flows.example:54321';
const KEYS: GatewayEnv = {
  POSTGRES_PASSWORD: 'a-password-of-the-operator',
  STEPBASE_DB_PASSWORD: 'a password: of/the@functions',
  SUPABASE_PUBLISHABLE_KEY: 'sb_publishable_of_the_operator',
  SUPABASE_SECRET_KEY: 'sb_secret_of_the_operator',
  JWT_SECRET: 'a secret of the operator with many characters',
  UPSTASH_REDIS_REST_TOKEN: 'a-token-of-the-operator',
};

let folder: string;
let postgres: Cluster;
let api: Server;
let stack: Stack;
let local: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stepbase-gateway-'));
  const port = await findFreePorts();
  postgres = await startCluster({ dataDir: folder, port, superuserPassword: 'of the server' });
  api = createServer((request, response) => response.end(`api got ${request.url}`));
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
  const options = gatewayOptions({
    ...KEYS,
    DATABASE_URL: postgres.adminUrl('postgres'),
    SUPABASE_PUBLIC_URL: PUBLIC_URL,
    STEPBASE_API_ADDRESS: `http://127.0.0.1:${(api.address() as AddressInfo).port}`,
  });
  stack = await startThrowawayStack(options);
  // The public address belongs to a proxy; here only its port is known, from the Redis interface three above it.
  local = `http://127.0.0.1:${Number(new URL(stack.info.redis_url).port) - 3}`;
});
afterAll(async () => {
  await stack?.stop();
  api?.close();
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
});

test('it answers its health check', async () => {
  const response = await fetch(`${local}/healthz`);
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ status: 'ok' });
});

test('people sign in with the given key, and their tokens name the public address', async () => {
  const person = await signedIn('admin@acme', { ...stack.info, api_url: local });
  const { data } = await person.auth.getSession();
  const [, payload = ''] = data.session?.access_token.split('.') ?? [];
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { iss: string };
  expect(claims.iss).toBe(`${PUBLIC_URL}/auth/v1`);
  const { data: rows, error } = await person.from('workflows').select('app_code');
  expect(error).toBeNull();
  expect(rows?.length).toBeGreaterThan(0);
  expect(stack.info.publishable_key).toBe(KEYS.SUPABASE_PUBLISHABLE_KEY);
});

test('requests go to the function where it runs; one without an address is not found', async () => {
  const headers = { apikey: KEYS.SUPABASE_PUBLISHABLE_KEY ?? '' };
  const forwarded = await fetch(`${local}/functions/v1/stepbase-api/readyz?a=1`, { headers });
  expect(await forwarded.text()).toBe('api got /stepbase-api/readyz?a=1');
  const absent = await fetch(`${local}/functions/v1/stepbase-worker`, { headers });
  expect(absent.status).toBe(404);
});

test('the functions log in as role stepbase_worker with its own password', async () => {
  const url = new URL(postgres.adminUrl('postgres'));
  url.username = 'stepbase_worker';
  url.password = encodeURIComponent(KEYS.STEPBASE_DB_PASSWORD ?? '');
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  const { rows } = await client.query('select current_user as role');
  await client.end();
  expect(rows).toEqual([{ role: 'stepbase_worker' }]);
});
