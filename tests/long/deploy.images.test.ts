// The containers without a container engine: every build step and start command of the Dockerfiles in a plain directory,
// as the user of the image, on PostgreSQL and Redis from Debian's packages if they are installed. The demo runs against
// the result.

import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runWorkflows } from '../../scripts/demo/demo.ts';
import { type Fakes, startFakes } from '../../scripts/fakes/fakes.ts';
import { findFreePorts } from '../../scripts/stack/ports.ts';
import { startCluster } from '../../scripts/stack/postgres/cluster.ts';
import { SEED_USERS } from '../../scripts/stack/seed-users.ts';
import { openPage, signIn } from '../browser/support.ts';
import { installedVersions, startDebianServer } from '../support/debian-postgres.ts';
import {
  buildImage,
  checkHealth,
  type Image,
  programsIn,
  type Running,
  startImage,
} from '../support/dockerfile.ts';
import { waitFor } from '../support/stack.ts';
import { scaled } from '../support/time.ts';

const BUILD_MS = scaled(5 * 60_000);
const REDIS = '/usr/bin/redis-server';
const CADDY = ['/usr/bin/caddy'].filter((path) => existsSync(path));
const PASSWORD = 'a-password-of-the-operator';
const WORKER_PASSWORD = 'a-password-of-the-functions';

const cleanup: (() => unknown)[] = [];
afterAll(async () => {
  for (const undo of cleanup.reverse()) await undo();
});

async function freePort(): Promise<number> {
  return await new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

/** As supabase_admin; Debian's server trusts every password. */
async function startPostgres(folder: string): Promise<{ admin: string; functions: string }> {
  const [version] = await installedVersions();
  if (version === undefined) {
    const port = await findFreePorts();
    const cluster = await startCluster({ dataDir: folder, port, superuserPassword: PASSWORD });
    cleanup.push(() => cluster.stop());
    const functions = new URL(cluster.adminUrl('postgres'));
    functions.username = 'stepbase_worker';
    functions.password = WORKER_PASSWORD;
    return { admin: cluster.adminUrl('postgres'), functions: functions.href };
  }
  const server = await startDebianServer(version, { max_connections: '200' });
  cleanup.push(() => server.stop());
  return {
    admin: server.adminUrl,
    functions: `postgres://stepbase_worker:${WORKER_PASSWORD}@127.0.0.1:${server.port}/postgres`,
  };
}

async function startRedis(folder: string): Promise<Record<string, string>> {
  if (!existsSync(REDIS)) return {};
  const port = await freePort();
  const child: ChildProcess = spawn(
    REDIS,
    ['--port', String(port), '--save', '', '--appendonly', 'no', '--dir', folder],
    { stdio: 'ignore' },
  );
  cleanup.push(() => child.kill('SIGTERM'));
  return { REDIS_URL: `redis://127.0.0.1:${port}` };
}

let bin: string;
let fakes: Fakes;
let gatewayUrl: string;
const images: Record<string, Image> = {};
const running: Record<string, Running> = {};
const environments: Record<string, Record<string, string>> = {};
const keys = {
  JWT_SECRET: 'a secret of the operator with many characters',
  SUPABASE_PUBLISHABLE_KEY: 'sb_publishable_of_the_operator',
  SUPABASE_SECRET_KEY: 'sb_secret_of_the_operator',
  UPSTASH_REDIS_REST_TOKEN: 'a-token-of-the-operator',
};

const isUp = (url: string) => () =>
  fetch(url).then(
    (response) => response.ok,
    () => false,
  );

async function start(name: string, env: Record<string, string>, healthUrl: string): Promise<void> {
  const image = images[name];
  if (image === undefined) throw new Error(`no image ${name}`);
  const process = startImage(image, bin, env);
  running[name] = process;
  environments[name] = env;
  cleanup.push(() => process.stop());
  await waitFor(`${name} to answer`, isUp(healthUrl), 60_000).catch((error: unknown) => {
    throw new Error(`${name}:\n${process.output()}`, { cause: error });
  });
}

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'stepbase-images-'));
  cleanup.push(() => rm(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o755);
  bin = programsIn(folder);
  const build = (name: string, dockerfile: string, args = {}) => {
    images[name] = buildImage({ dockerfile, args, folder: join(folder, name), bin });
  };
  build('gateway', 'deploy/gateway.Dockerfile');
  build('api', 'deploy/functions.Dockerfile', { FUNCTION: 'api' });
  build('worker', 'deploy/functions.Dockerfile', { FUNCTION: 'worker' });
  build('web', 'deploy/web.Dockerfile');

  fakes = await startFakes();
  cleanup.push(() => fakes.stop());
  const postgres = await startPostgres(join(folder, 'postgres'));
  const redis = await startRedis(folder);
  const first = await findFreePorts();
  const [api, worker] = [first + 4, first + 5];
  gatewayUrl = `http://127.0.0.1:${first}`;
  await start(
    'gateway',
    {
      ...keys,
      ...redis,
      DATABASE_URL: postgres.admin,
      POSTGRES_PASSWORD: PASSWORD,
      STEPBASE_DB_PASSWORD: WORKER_PASSWORD,
      PORT: String(first),
      SUPABASE_PUBLIC_URL: gatewayUrl,
      STEPBASE_API_ADDRESS: `http://127.0.0.1:${api}`,
      STEPBASE_WORKER_ADDRESS: `http://127.0.0.1:${worker}`,
    },
    `${gatewayUrl}/healthz`,
  );
  const shared = {
    ...keys,
    ...fakes.env,
    DATABASE_URL: postgres.functions,
    STEPBASE_DB_DIRECT: 'true',
    SUPABASE_URL: gatewayUrl,
    UPSTASH_REDIS_REST_URL: `http://127.0.0.1:${first + 3}`,
  };
  const health = (port: number, name: string) =>
    `http://127.0.0.1:${port}/stepbase-${name}/healthz`;
  await start('api', { ...shared, PORT: String(api) }, health(api, 'api'));
  await start('worker', { ...shared, PORT: String(worker) }, health(worker, 'worker'));
}, BUILD_MS);

test('the API is ready with its database and Redis', async () => {
  const response = await fetch(`${gatewayUrl}/functions/v1/stepbase-api/readyz`);
  expect(await response.json()).toMatchObject({ status: 'ok' });
});

test('the demo runs: three workflows complete', { timeout: scaled(90_000) }, async () => {
  const lines: string[] = [];
  const report = await runWorkflows(
    {
      api_url: gatewayUrl,
      publishable_key: keys.SUPABASE_PUBLISHABLE_KEY,
      users: [...SEED_USERS],
    },
    { shop_url: fakes.shop.url, billing_url: fakes.webhooks.url },
    { print: (line) => lines.push(line), signal: AbortSignal.timeout(scaled(80_000)) },
  );
  expect(
    report.map((run) => [run.workflow, run.status, run.steps.length]),
    `${lines.join('\n')}\n${running.worker?.output()}`,
  ).toEqual([
    ['order-confirmation', 'completed', 3],
    ['order-triage', 'completed', 5],
    ['refund-approval', 'completed', 4],
  ]);
  // Live, not only read afterwards.
  expect(lines.some((line) => line.includes('step.completed'))).toBe(true);
});

test('the build of the web client has the page and its settings', () => {
  const dist = join(images.web?.root ?? '', 'app', 'dist');
  for (const name of ['index.html', 'config.js', 'assets']) {
    expect(existsSync(join(dist, name)), name).toBe(true);
  }
});

test.each(CADDY)('in a browser, the web client of %s keeps its own policy', async () => {
  const port = await freePort();
  const env = {
    PORT: String(port),
    SUPABASE_PUBLIC_URL: gatewayUrl,
    SUPABASE_PUBLISHABLE_KEY: keys.SUPABASE_PUBLISHABLE_KEY,
  };
  const origin = `http://127.0.0.1:${port}`;
  await start('web', env, `${origin}/healthz`);
  const page = await openPage('light', origin);
  const refused: string[] = [];
  page.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) refused.push(message.text());
  });
  await page.reload();
  await signIn(page, 'admin@acme');
  await page.locator('a[href^="#/runs/"]').first().click();
  await page.locator('.step-node').first().waitFor();
  expect(refused).toEqual([]);
});

test('each health check succeeds', async () => {
  for (const name of ['gateway', 'api', 'worker']) {
    const image = images[name];
    if (image === undefined) throw new Error(`no image ${name}`);
    expect(await checkHealth(image, bin, environments[name] ?? {}), name).toBe(0);
  }
});

test('each process ends in order when it is asked', async () => {
  for (const name of ['worker', 'api', 'gateway']) {
    const began = performance.now();
    expect(await running[name]?.stop(), running[name]?.output()).toBe(0);
    // Docker ends a process that needs longer than ten seconds.
    expect(performance.now() - began, name).toBeLessThan(scaled(10_000));
  }
});
