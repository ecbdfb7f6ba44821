// Gives an empty database the objects that a new hosted project has before its first migration.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { ensureAuthSchema } from '../auth-schema.ts';
import { asRole, withClient } from './connection.ts';

/** Passwords of the roles that can log in. */
export interface RolePasswords {
  postgres: string;
  service: string;
}

/** The SQL of a bootstrap, by its part. */
export interface BootstrapScripts {
  roles: string;
  schemas: string;
  authGrants: string;
  vault: string;
  realtime: string;
  /** Creates the tables of schema auth; without it, the migrations of @supabase/lite do. */
  auth?: string;
}

const file = (path: string) => readFile(new URL(path, import.meta.url), 'utf8');

export async function bootstrapScripts(): Promise<BootstrapScripts> {
  const [roles, schemas, authGrants, vault, realtime] = await Promise.all([
    file('./roles.sql'),
    file('./schemas.sql'),
    file('./auth-grants.sql'),
    file('./vault.sql'),
    file('../realtime/schema.sql'),
  ]);
  return { roles, schemas, authGrants, vault, realtime };
}

/** A hash that changes when the result of the bootstrap changes. */
export async function bootstrapFingerprint(): Promise<string> {
  const hash = createHash('sha256');
  for (const text of Object.values(await bootstrapScripts())) hash.update(text);
  return hash.digest('hex').slice(0, 16);
}

/** Creates roles and passwords, once for each cluster; idempotent. An existing login keeps its password. */
export async function bootstrapCluster(
  adminUrl: string,
  passwords: RolePasswords,
  ownsCluster: boolean,
  scripts?: BootstrapScripts,
): Promise<void> {
  const { roles } = scripts ?? (await bootstrapScripts());
  await withClient(adminUrl, async (client) => {
    const before = await client.query<{ rolname: string }>(
      "select rolname from pg_catalog.pg_roles where rolname = 'postgres'",
    );
    await client.query(roles);
    const logins: Array<[string, string]> = [
      ['authenticator', passwords.service],
      ['supabase_auth_admin', passwords.service],
    ];
    if (ownsCluster || before.rowCount === 0) logins.push(['postgres', passwords.postgres]);
    for (const [role, password] of logins) {
      await client.query(
        `alter role ${pg.escapeIdentifier(role)} password ${pg.escapeLiteral(password)}`,
      );
    }
  });
}

/** Creates the schemas of one database; idempotent. */
export async function bootstrapDatabase(
  adminUrl: string,
  passwords: RolePasswords,
  scripts?: BootstrapScripts,
): Promise<void> {
  const { schemas, auth, authGrants, vault, realtime } = scripts ?? (await bootstrapScripts());
  const name = await withClient(adminUrl, async (client) => {
    const { rows } = await client.query<{ name: string; mine: boolean }>(
      `select current_database() as name, d.datdba = 'postgres'::regrole as mine
       from pg_catalog.pg_database d where d.datname = current_database()`,
    );
    const [database] = rows;
    const name = pg.escapeIdentifier(database?.name ?? '');
    if (!database?.mine) await client.query(`alter database ${name} owner to postgres`);
    await client.query('create schema if not exists auth authorization supabase_admin');
    await client.query('grant all on schema auth to supabase_auth_admin');
    // `create schema if not exists` needs this right even for a schema that exists.
    await client.query(`grant create on database ${name} to supabase_auth_admin`);
    return name;
  });
  const authAdminUrl = asRole(adminUrl, 'supabase_auth_admin', passwords.service);
  if (auth === undefined) await ensureAuthSchema(authAdminUrl);
  else await withClient(authAdminUrl, (client) => client.query(auth));
  await withClient(adminUrl, async (client) => {
    await client.query(`revoke create on database ${name} from supabase_auth_admin`);
    for (const script of [schemas, authGrants, vault, realtime]) await client.query(script);
  });
}
