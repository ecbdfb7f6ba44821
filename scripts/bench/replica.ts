// `npm run bench:replica`: the processor time that reads of the HTTP API cost the primary, without a replica, with one, and
// with one for callers who send their position (as the SDK does). A primary with many runs (--runs N) and a standby that
// follows it by streaming replication, on this machine. --requests N for each operation.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { SignJWT } from 'jose';
import pg from 'pg';
import { startDatabase } from '../stack/database.ts';
import { FunctionProcess } from '../stack/functions.ts';
import { workerUrl } from '../stack/functions-env.ts';
import { loadKeys } from '../stack/keys.ts';
import { resolveOptions } from '../stack/options.ts';
import { findFreePorts } from '../stack/ports.ts';
import { clusterFolder } from '../stack/postgres/cluster.ts';
import { startStandby } from '../stack/postgres/standby.ts';
import { familyCpuMs } from './cpu.ts';
import { median } from './figures.ts';
import { APP, fill, MEMBER } from './fill.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '200000' },
    requests: { type: 'string', default: '100' },
  },
});
const requests = Number(values.requests);

const READS: readonly { name: string; path: string; body?: object }[] = [
  { name: 'a page of runs', path: '/v1/runs' },
  { name: 'search runs by text', path: '/v1/runs/search', body: { filter: { text: 'parcels' } } },
  { name: 'count runs', path: '/v1/runs/count', body: { filter: {} } },
  { name: 'statistics of a day', path: '/v1/statistics' },
  { name: 'overview', path: '/v1/overview' },
  { name: 'a page of the audit log', path: '/v1/audit-log' },
];

const ends: (() => Promise<unknown>)[] = [];
const folder = async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'stepbase-'));
  ends.push(async () => {
    await rm(clusterFolder(dataDir), { recursive: true, force: true });
    await rm(dataDir, { recursive: true, force: true });
  });
  return dataDir;
};

async function postmasterOf(dataDir: string): Promise<number> {
  const [pid] = (await readFile(join(clusterFolder(dataDir), 'postmaster.pid'), 'utf8')).split(
    '\n',
  );
  return Number(pid);
}

async function main(): Promise<void> {
  const dataDir = await folder();
  const keys = await loadKeys(dataDir);
  const config = resolveOptions({ dataDir, port: await findFreePorts() });
  const { ports } = config;
  const database = await startDatabase({ ...config, databaseUrl: undefined, seed: false }, keys);
  ends.push(() => database.stop());
  const client = new pg.Client({ connectionString: database.adminUrl });
  await client.connect();
  await fill(client, Number(values.runs));
  await client.end();

  const standbyDir = await folder();
  const standby = await startStandby({
    primary: { adminUrl: database.adminUrl, dataDir },
    dataDir: standbyDir,
    port: ports.web,
    superuserPassword: keys.servicePassword,
    slot: 'replica',
  });
  ends.push(() => standby.stop());
  const replicaUrl = new URL(workerUrl(database.url));
  replicaUrl.port = String(ports.web);

  const issuer = 'http://127.0.0.1/auth/v1';
  const env = {
    DATABASE_URL: workerUrl(database.url),
    SUPABASE_URL: 'http://127.0.0.1:1',
    SUPABASE_SECRET_KEY: keys.secretKey,
    JWT_SECRET: keys.jwtSecret,
    JWT_ISSUER: issuer,
  };
  const api = async (port: number, more: Record<string, string>) => {
    const of = new FunctionProcess({
      name: 'api',
      port,
      env: { ...env, ...more },
      dataDir,
      logLevel: 'warn',
      say: (message) => console.error(message),
    });
    await of.start();
    ends.push(() => of.stop());
    return `http://127.0.0.1:${port}/stepbase-api`;
  };
  const alone = await api(ports.api, {});
  const replicated = await api(ports.worker, { DATABASE_REPLICA_URL: replicaUrl.href });
  const token = await new SignJWT({ role: 'authenticated', app_code: APP })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(MEMBER)
    .setIssuer(issuer)
    .setAudience('authenticated')
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(keys.jwtSecret));
  const [primary, replica] = [await postmasterOf(dataDir), await postmasterOf(standbyDir)];

  /** Milliseconds per request: its median duration, and the processor time of each server. */
  async function measure(
    url: string,
    { path, body }: (typeof READS)[number],
    sendsPosition: boolean,
  ) {
    let position: string | null = null;
    const send = async () => {
      const response = await fetch(`${url}${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(sendsPosition && position !== null ? { 'stepbase-lsn': position } : {}),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
      await response.arrayBuffer();
      position = response.headers.get('stepbase-lsn');
    };
    for (let warmUp = 0; warmUp < 10; warmUp += 1) await send();
    const cpu = () => Promise.all([familyCpuMs(primary), familyCpuMs(replica)]);
    const [primaryBefore = 0, replicaBefore = 0] = await cpu();
    const times: number[] = [];
    for (let request = 0; request < requests; request += 1) {
      const started = performance.now();
      await send();
      times.push(performance.now() - started);
    }
    const [primaryAfter = 0, replicaAfter = 0] = await cpu();
    return {
      ms: median(times),
      primary: (primaryAfter - primaryBefore) / requests,
      replica: (replicaAfter - replicaBefore) / requests,
    };
  }

  const shown = (value: number) => value.toFixed(value < 10 ? 2 : 1);
  console.log(
    '| read | no replica: CPU ms of the primary | replica: primary | replica | with the position: primary | duration ms: no replica | replica | with the position |',
  );
  console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |');
  for (const read of READS) {
    const without = await measure(alone, read, false);
    const strict = await measure(replicated, read, false);
    const known = await measure(replicated, read, true);
    const cells = [
      without.primary,
      strict.primary,
      strict.replica,
      known.primary,
      without.ms,
      strict.ms,
      known.ms,
    ];
    console.log(`| ${read.name} | ${cells.map(shown).join(' | ')} |`);
  }
}

try {
  await main();
} finally {
  for (const end of ends.reverse()) await end();
}
