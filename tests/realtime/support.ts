// A PostgreSQL with the API roles, a Realtime server behind an HTTP server, and real supabase-js clients. Only the
// parts that Realtime needs: no migrations, no Auth.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, type RealtimeChannel, type SupabaseClient } from '@supabase/supabase-js';
import { SignJWT } from 'jose';
import pg from 'pg';
import { startCluster } from '../../scripts/stack/postgres/cluster.ts';
import { withClient } from '../../scripts/stack/postgres/connection.ts';
import type { MessageRate } from '../../scripts/stack/realtime/message-rate.ts';
import { type Realtime, startRealtime } from '../../scripts/stack/realtime/server.ts';
import { scaled } from '../support/time.ts';

export const keys = {
  jwtSecret: 'a-secret-of-at-least-thirty-two-characters',
  publishableKey: 'sb_publishable_realtime_tests',
  secretKey: 'sb_secret_realtime_tests',
};

const roles = `
  create role anon nologin noinherit;
  create role authenticated nologin noinherit;
  create role service_role nologin noinherit bypassrls;
  create role postgres login password 'postgres' createrole createdb bypassrls replication;
  create schema auth;
  grant usage on schema auth to anon, authenticated, service_role, postgres;
  create function auth.uid() returns uuid language sql stable set search_path = ''
    return nullif(pg_catalog.current_setting('request.jwt.claims', true)::jsonb ->> 'sub', '')::uuid;
  grant create on schema public to postgres;
`;

export interface RealtimeApp {
  db: pg.Pool;
  superuser: pg.Pool;
  url: string;
  realtime: Realtime;
  restartRealtime(): Promise<void>;
  stopRealtime(): Promise<void>;
  client(options?: ClientOptions): Promise<SupabaseClient>;
  stop(): Promise<void>;
}

export interface ClientOptions {
  key?: string;
  token?: string;
  accessToken?: () => Promise<string>;
}

async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export async function startRealtimeApp(over: { rate?: MessageRate } = {}): Promise<RealtimeApp> {
  const dir = await mkdtemp(join(tmpdir(), 'stepbase-realtime-'));
  const port = await freePort();
  const cluster = await startCluster({ dataDir: dir, port, superuserPassword: 'supabase_admin' });
  await withClient(cluster.adminUrl('postgres'), (client) =>
    client.query('create database realtime_tests'),
  );
  const at = `@127.0.0.1:${port}/realtime_tests`;
  const superuser = new pg.Pool({
    connectionString: `postgres://supabase_admin:supabase_admin${at}`,
    max: 2,
  });
  const dbUrl = `postgres://postgres:postgres${at}`;
  // The cluster stops while the pools are still closing their connections.
  superuser.on('error', () => undefined);
  await superuser.query(roles);
  const schema = new URL('../../scripts/stack/realtime/schema.sql', import.meta.url);
  await superuser.query(await readFile(schema, 'utf8'));
  const db = new pg.Pool({ connectionString: dbUrl, max: 4 });
  db.on('error', () => undefined);

  const options = { ...keys, dbUrl, log: () => undefined, ...over };
  let realtime: Realtime | undefined = await startRealtime(options);
  const server: Server = createServer((request, response) => {
    (realtime?.handleHttp(request, response) ?? Promise.resolve(false)).then((handled) => {
      if (!handled) response.writeHead(404).end();
    });
  });
  server.on('upgrade', (request, socket, head) => {
    if (realtime) realtime.handleUpgrade(request, socket, head);
    else socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const clients: SupabaseClient[] = [];

  async function stopRealtime(): Promise<void> {
    const running = realtime;
    realtime = undefined;
    await running?.stop();
  }

  return {
    db,
    superuser,
    url,
    get realtime() {
      if (!realtime) throw new Error('Realtime is stopped');
      return realtime;
    },
    stopRealtime,
    async restartRealtime() {
      await stopRealtime();
      realtime = await startRealtime(options);
    },
    async client({ key = keys.publishableKey, token, accessToken } = {}) {
      const give = accessToken ?? (token === undefined ? undefined : async () => token);
      const client = createClient(url, key, {
        ...(give ? { accessToken: give } : { auth: { persistSession: false } }),
        realtime: { timeout: 5_000 },
      });
      clients.push(client);
      // As the documentation of private channels requires: the token is set before the join.
      await client.realtime.setAuth();
      return client;
    },
    async stop() {
      await Promise.all(clients.map((client) => client.removeAllChannels()));
      await stopRealtime();
      await new Promise((resolve) => server.close(resolve));
      await db.end();
      await superuser.end();
      await cluster.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

export async function userToken(
  sub: string,
  claims: Record<string, unknown> = {},
  seconds = 3_600,
): Promise<string> {
  return await new SignJWT({ role: 'authenticated', ...claims })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(sub)
    .setIssuedAt()
    .setExpirationTime(Math.floor(Date.now() / 1000) + seconds)
    .sign(new TextEncoder().encode(keys.jwtSecret));
}

/** Subscribes and waits for the first status. */
export async function subscribe(
  channel: RealtimeChannel,
): Promise<{ status: string; error?: Error }> {
  return await new Promise((resolve) => {
    channel.subscribe((status, error) => resolve(error ? { status, error } : { status }));
  });
}

export async function until(
  condition: () => boolean,
  what: string,
  milliseconds = 10_000,
): Promise<void> {
  const deadline = Date.now() + scaled(milliseconds);
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`timed out waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Waits long enough to show that an unwanted event does not happen. */
export async function pause(milliseconds = 300): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}
