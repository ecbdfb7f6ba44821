// A hosted project in small: the bundled functions on the Deno version of hosted Edge Functions, with the globals of
// the edge runtime, and a pg_net that sends what the database requests.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { Child } from '../../scripts/stack/child.ts';
import { loadKeys } from '../../scripts/stack/keys.ts';
import { ROOT } from '../../scripts/stack/options.ts';
import { findFreePorts } from '../../scripts/stack/ports.ts';
import type { StackInfo } from '../../scripts/stack/stack.ts';
import { waitFor } from '../support/stack.ts';

export interface EdgeFunction {
  url: string;
  /** From the start of the process to the first response. */
  bootMs: number;
  log: string[];
  stop(): Promise<void>;
}

/** What the edge runtime has and Deno lacks, and the other way round. */
const PRELUDE = `
globalThis.EdgeRuntime = { waitUntil: (work) => void work.catch(() => undefined) };
delete globalThis.Worker;
`;

export async function startEdgeFunction(options: {
  program: string;
  name: string;
  file: string;
  info: StackInfo;
  env?: Record<string, string>;
}): Promise<EdgeFunction> {
  const { program, name, file, info, env } = options;
  const folder = mkdtempSync(join(tmpdir(), 'stepbase-edge-'));
  const entry = join(folder, 'main.js');
  writeFileSync(entry, `${PRELUDE}await import(${JSON.stringify(`file://${file}`)});\n`);
  const keys = await loadKeys(info.data_dir);
  const port = await findFreePorts();
  const log: string[] = [];
  const startedAt = performance.now();
  const child = await Child.start({
    command: program,
    args: ['run', '--no-prompt', '--no-check', '--no-config', '--allow-all', entry],
    env: {
      PATH: process.env.PATH ?? '',
      HOME: process.env.HOME ?? '/tmp',
      NO_COLOR: '1',
      DENO_NO_UPDATE_CHECK: '1',
      PORT: String(port),
      DATABASE_URL: info.db_url,
      SUPABASE_URL: info.api_url,
      SUPABASE_PUBLISHABLE_KEY: keys.publishableKey,
      SUPABASE_SECRET_KEY: keys.secretKey,
      JWT_SECRET: keys.jwtSecret,
      STEPBASE_WORKER_MODE: 'invocation',
      STEPBASE_ALLOW_PRIVATE_NETWORK: 'true',
      ...env,
    },
    cwd: ROOT,
    logFile: join(folder, 'function.log'),
    onLine: (line) => log.push(line),
    stopSignal: 'SIGTERM',
  });
  const url = `http://127.0.0.1:${port}/${name}`;
  await waitFor(`${name} answers: ${log.join('\n')}`, async () => {
    if (!child.running) throw new Error(log.join('\n'));
    const response = await fetch(`${url}/healthz`).catch(() => undefined);
    await response?.body?.cancel();
    return response?.ok;
  });
  return {
    url,
    bootMs: performance.now() - startedAt,
    log,
    async stop() {
      await child.stop(1_000);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export interface PgNet {
  /** Every request that was sent, with the time until its response. */
  sent: { status: number; ms: number }[];
  stop(): Promise<void>;
}

/** Schema net with a queue of requests, and what sends them: one batch after another, as pg_net does. */
export async function startPgNet(db: pg.Pool, worker: string): Promise<PgNet> {
  await db.query(`
    create schema net;
    create table net.http_request_queue (
      id bigint generated always as identity, url text, headers jsonb, timeout_milliseconds int
    );
    create function net.http_post(
      url text, body jsonb default '{}', params jsonb default '{}', headers jsonb default '{}',
      timeout_milliseconds int default 5000
    ) returns bigint language sql as $$
      insert into net.http_request_queue (url, headers, timeout_milliseconds)
      values ($1, $4, $5) returning id
    $$`);
  const sent: PgNet['sent'] = [];
  let isOver = false;
  const loop = (async () => {
    while (!isOver) {
      const { rows } = await db.query<{
        headers: Record<string, string>;
        timeout_milliseconds: number;
      }>('delete from net.http_request_queue returning headers, timeout_milliseconds');
      for (const { headers, timeout_milliseconds } of rows) {
        const startedAt = performance.now();
        const response = await fetch(worker, {
          method: 'POST',
          headers,
          body: '{}',
          signal: AbortSignal.timeout(timeout_milliseconds),
        });
        await response.text();
        sent.push({ status: response.status, ms: performance.now() - startedAt });
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  return {
    sent,
    async stop() {
      isOver = true;
      await loop;
    },
  };
}
