// Fresh migrated databases beside the stack's own, in a fraction of a second each: the first call creates a template
// (bootstrap and the real CLI), and each database is a copy of it.

import { createHash, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import pg from 'pg';
import { allowWorkerLogin } from './functions-env.ts';
import { loadKeys } from './keys.ts';
import { migrationsFingerprint, push } from './migrate.ts';
import { bootstrapDatabase, bootstrapFingerprint } from './postgres/bootstrap.ts';
import { SUPERUSER } from './postgres/cluster.ts';
import { onDatabase, withClient } from './postgres/connection.ts';
import { applySeed } from './seed.ts';
import type { StackInfo } from './stack.ts';

export interface FreshDatabase {
  name: string;
  /** URL for postgres. */
  url: string;
  /** URL for the superuser. */
  adminUrl: string;
  drop(): Promise<void>;
}

export interface FreshDatabaseOptions {
  /** Runs supabase/seed.sql. Default false. */
  seed?: boolean;
  /** Installs pgTAP into schema extensions. Default false. */
  pgtap?: boolean;
  /** Stops before the migrations, as in a new hosted project. Default false. */
  empty?: boolean;
}

/** Only for a stack with the embedded PostgreSQL, on this machine. */
export async function createDatabase(
  stack: Pick<StackInfo, 'data_dir' | 'db_url'>,
  options: FreshDatabaseOptions = {},
): Promise<FreshDatabase> {
  const keys = await loadKeys(stack.data_dir);
  const admin = new URL(stack.db_url);
  admin.username = SUPERUSER;
  admin.password = encodeURIComponent(keys.servicePassword);
  const adminUrl = admin.href;
  const passwords = { postgres: 'postgres', service: keys.servicePassword };
  const template = await ensureTemplate(adminUrl, options.empty ?? false, async (name) => {
    await bootstrapDatabase(onDatabase(adminUrl, name), passwords);
    if (!options.empty) {
      await push(
        onDatabase(stack.db_url, name),
        join(stack.data_dir, 'logs', 'template-migrations.log'),
      );
      await allowWorkerLogin(onDatabase(adminUrl, name), onDatabase(stack.db_url, name));
    }
  });
  const name = `test_${randomUUID().replaceAll('-', '').slice(0, 16)}`;
  await withClient(adminUrl, (client) =>
    client.query(`create database ${name} template ${template} owner postgres`),
  );
  const database: FreshDatabase = {
    name,
    url: onDatabase(stack.db_url, name),
    adminUrl: onDatabase(adminUrl, name),
    drop: async () => {
      await withClient(adminUrl, (client) =>
        client.query(`drop database if exists ${name} with (force)`),
      );
    },
  };
  if (options.pgtap) {
    await withClient(database.adminUrl, (client) =>
      client.query('create extension if not exists pgtap with schema extensions'),
    );
  }
  if (options.seed) await applySeed(database.url);
  return database;
}

/** The name of the template for the current migrations and bootstrap. */
async function templateName(empty: boolean): Promise<string> {
  const content = `${await bootstrapFingerprint()} ${empty ? '' : await migrationsFingerprint()}`;
  return `template_${createHash('sha256').update(content).digest('hex').slice(0, 16)}`;
}

/** Makes the template from the database postgres, which is migrated, has no rows and no other session. */
export async function keepTemplate(adminUrl: string): Promise<void> {
  const name = await templateName(false);
  await withClient(onDatabase(adminUrl, 'template1'), (client) =>
    client.query(`create database ${name} template postgres owner postgres`),
  );
}

/** The template; created once, also for concurrent callers. */
async function ensureTemplate(
  adminUrl: string,
  empty: boolean,
  fill: (name: string) => Promise<void>,
): Promise<string> {
  const name = await templateName(empty);
  return await withClient(adminUrl, async (client) => {
    await client.query("select pg_advisory_lock(hashtext('stepbase template database'))");
    const { rowCount } = await client.query('select from pg_database where datname = $1', [name]);
    if (rowCount !== 0) return name;
    const partial = pg.escapeIdentifier(`${name}_partial`);
    await client.query(`drop database if exists ${partial} with (force)`);
    await client.query(`create database ${partial} template template0 owner postgres`);
    await fill(`${name}_partial`);
    // Renamed when complete, so an existing template is always complete.
    await client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = $1`,
      [`${name}_partial`],
    );
    await client.query(`alter database ${partial} rename to ${pg.escapeIdentifier(name)}`);
    return name;
  });
}
