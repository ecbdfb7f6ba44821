// The installation in a database: its version, the migrations that are applied, and the script that removes it.
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import type { Env } from '../credentials.ts';
import { CliError, EXIT } from '../errors.ts';
import { connect } from '../postgres.ts';
import type { Assets } from './assets.ts';

export interface Installed {
  /** undefined: the database has no Stepbase. */
  version: string | undefined;
  /** The versions of the migrations in the history of the Supabase CLI. */
  applied: ReadonlySet<string>;
}

const UNINSTALL_MS = 300_000;
const ATTEMPTS = 5;
const DEADLOCK = '40P01';

async function withDatabase<T>(
  dbUrl: string,
  env: Env,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  let client: pg.Client;
  try {
    client = await connect(dbUrl, env, UNINSTALL_MS);
  } catch (error) {
    const message = `The database cannot be reached: ${(error as Error).message}`;
    throw new CliError(EXIT.unavailable, 'no_database', message, {
      hint: 'Correct --db-url: the address of role postgres is in the settings of the project, under Connect.',
    });
  }
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

export const readInstalled = (dbUrl: string, env: Env): Promise<Installed> =>
  withDatabase(dbUrl, env, async (client) => {
    const { rows } = await client.query<{ has_version: boolean; has_history: boolean }>(
      `select to_regprocedure('stepbase_engine.schema_version()') is not null as has_version,
         to_regclass('supabase_migrations.schema_migrations') is not null as has_history`,
    );
    const version = rows[0]?.has_version
      ? await client.query<{ version: string }>(
          'select stepbase_engine.schema_version() as version',
        )
      : undefined;
    const history = rows[0]?.has_history
      ? await client.query<{ version: string }>(
          'select version from supabase_migrations.schema_migrations',
        )
      : undefined;
    return {
      version: version?.rows[0]?.version,
      applied: new Set(history?.rows.map((row) => row.version)),
    };
  });

/** The script names the migrations that it knew when it was written; a newer package has more. */
async function forget(client: pg.Client, migrations: Assets['migrations']): Promise<void> {
  const history = 'supabase_migrations.schema_migrations';
  const { rows } = await client.query<{ there: boolean }>(
    'select to_regclass($1) is not null as there',
    [history],
  );
  if (!rows[0]?.there) return;
  await client.query(`delete from ${history} where version = any ($1)`, [
    migrations.map(({ version }) => version),
  ]);
}

/**
 * Runs the script. It locks every object of Stepbase, as readers of the catalog do, such as the schema cache of the Data
 * API. When the two wait for each other, PostgreSQL ends one of them, and the script has changed nothing.
 */
export const runUninstall = (
  dbUrl: string,
  env: Env,
  { uninstallSql, migrations }: Assets,
): Promise<{ attempts: number }> =>
  withDatabase(dbUrl, env, async (client) => {
    for (let attempts = 1; ; attempts += 1) {
      try {
        await client.query(uninstallSql());
        await forget(client, migrations);
        return { attempts };
      } catch (error) {
        await client.query('rollback');
        const { code, message } = error as { code?: string; message: string };
        if (code !== DEADLOCK || attempts === ATTEMPTS) {
          throw new CliError(EXIT.refused, 'uninstall_failed', message, {
            hint: 'Nothing was removed.',
          });
        }
        await pause(100 * 2 ** attempts);
      }
    }
  });
