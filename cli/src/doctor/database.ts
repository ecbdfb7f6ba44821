// Checks of the database by a client: whether it can be reached, the migrations, the mode of the pooler,
// the clock; and the checks of the RPC.

import type pg from 'pg';
import { connect, type DatabaseEnvironment } from '../postgres.ts';
import type { Migration } from './deployment.ts';
import { type Finding, failed, messageOf, ok, warning } from './finding.ts';

async function checkMigrations(client: pg.Client, files: readonly Migration[]): Promise<Finding> {
  const check = 'migration files';
  const { rows } = await client.query<{ there: boolean }>(
    `select to_regclass('supabase_migrations.schema_migrations') is not null as there`,
  );
  if (!rows[0]?.there) {
    return warning(
      check,
      'The database has no history of migrations, so it cannot be compared with supabase/migrations.',
      'npx supabase migration list --remote',
    );
  }
  const applied = await client.query<{ version: string }>(
    'select version from supabase_migrations.schema_migrations',
  );
  const versions = new Set(applied.rows.map(({ version }) => version));
  const missing = files.filter(({ version }) => !versions.has(version));
  if (missing.length === 0) return ok(check, `All ${files.length} migrations are applied.`);
  return failed(
    check,
    `${missing.length} of ${files.length} migrations are not applied, the first is ${missing[0]?.name}.`,
    'npx supabase db push --remote',
  );
}

/** Two clients on one server process: a pooler gives each transaction a process of its choice. */
async function isTransactionPooler(client: pg.Client, second: pg.Client): Promise<boolean> {
  const pid = async (of: pg.Client) =>
    (await of.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid;
  const pids = [await pid(client), await pid(second), await pid(client), await pid(second)];
  return pids[0] === pids[1] || pids[0] !== pids[2] || pids[1] !== pids[3];
}

async function checkPooler(
  client: pg.Client,
  dbUrl: string,
  env: DatabaseEnvironment,
): Promise<Finding> {
  const check = 'pooler';
  const { hostname, port } = new URL(dbUrl);
  const second = await connect(dbUrl, env);
  const isPooled = await isTransactionPooler(client, second).finally(() => second.end());
  if (isPooled && env.STEPBASE_DB_DIRECT === 'true') {
    return failed(
      check,
      'STEPBASE_DB_DIRECT is true, but the address leads to a pooler in transaction mode, which has no LISTEN.',
      'npx supabase secrets set STEPBASE_DB_DIRECT=false, or use the direct address (port 5432)',
    );
  }
  if (isPooled) return ok(check, 'The address leads to a pooler in transaction mode.');
  if (hostname.endsWith('.pooler.supabase.com') && port === '5432') {
    return warning(
      check,
      'The address leads to the pooler in session mode: each instance of a function occupies connections.',
      'Use port 6543 in DATABASE_URL of hosted functions',
    );
  }
  return ok(check, 'The address leads to the database without a pooler in transaction mode.');
}

const CLOCK_WARNING_MS = 5_000;
const CLOCK_FAILED_MS = 60_000;

export function compareClocks(
  check: string,
  server: number,
  before: number,
  after: number,
): Finding {
  const apart = server < before ? before - server : Math.max(server - after, 0);
  const finding = `The clocks of this machine and the server differ by ${Math.round(apart / 1000)} s.`;
  const fix = 'Synchronise the clock of this machine, and of machines with resident workers (NTP)';
  if (apart > CLOCK_FAILED_MS) return failed(check, finding, fix);
  if (apart > CLOCK_WARNING_MS) return warning(check, finding, fix);
  return ok(check, 'The clocks of this machine and the server agree.');
}

async function checkClock(client: pg.Client): Promise<Finding> {
  const before = Date.now();
  const { rows } = await client.query<{ ms: number }>(
    'select extract(epoch from clock_timestamp())::float8 * 1000 as ms',
  );
  return compareClocks('clock of this machine', rows[0]?.ms ?? 0, before, Date.now());
}

/** The answer of the RPC; undefined if this role may not call it. */
async function askDoctor(client: pg.Client): Promise<Finding[] | undefined> {
  try {
    const { rows } = await client.query<{ findings: Finding[] }>(
      'select stepbase.doctor() as findings',
    );
    return rows[0]?.findings ?? [];
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === '42501') return undefined;
    if (code === '3F000' || code === '42883') {
      return [
        failed(
          'migrations',
          'This database has no Stepbase, or a version without doctor().',
          'npx supabase db push --remote',
        ),
      ];
    }
    throw error;
  }
}

export interface DatabaseReport {
  findings: Finding[];
  /** False: the role of the address may not call the RPC. */
  hasAsked: boolean;
}

export async function checkDatabase(
  dbUrl: string,
  migrations: readonly Migration[],
  env: DatabaseEnvironment = {},
): Promise<DatabaseReport> {
  let client: pg.Client;
  try {
    client = await connect(dbUrl, env);
  } catch (error) {
    return {
      hasAsked: false,
      findings: [
        failed(
          'database',
          `The database cannot be reached: ${messageOf(error)}`,
          'Correct DATABASE_URL or --db-url: the address is in the settings of the project, under Connect',
        ),
      ],
    };
  }
  try {
    const asked = await askDoctor(client);
    const role = (await client.query<{ role: string }>('select current_user as role')).rows[0]
      ?.role;
    const own = [ok('database', `The database answers to the role ${role}.`)];
    if (asked !== undefined) own.push(await checkMigrations(client, migrations));
    own.push(await checkPooler(client, dbUrl, env), await checkClock(client));
    return { hasAsked: asked !== undefined, findings: [...own, ...(asked ?? [])] };
  } finally {
    await client.end();
  }
}
