// Statements about machines: secrets, service accounts and API keys. All run as the caller.
import type { Query } from '../_shared/db/pool.ts';
import { type Json, type One, one } from './queries.ts';

export async function listSecrets(query: Query): Promise<Json[]> {
  const rows = await query<One>(
    'select to_jsonb(s) as value from stepbase.list_secrets() s order by s.name, s.source',
  );
  return rows.map(({ value }) => value);
}

export const setSecret = (
  query: Query,
  name: string,
  { value, allowed_hosts: hosts }: { value: string; allowed_hosts?: string[] | undefined },
) =>
  one(query, 'select stepbase.set_secret($1, $2, $3::text[]) as value', [
    name,
    value,
    hosts ?? null,
  ]);

export const rollbackSecret = (query: Query, name: string, version: number) =>
  one(query, 'select stepbase.rollback_secret($1, $2::int) as value', [name, version]);

export async function deleteSecret(query: Query, name: string): Promise<void> {
  await query('select stepbase.delete_secret($1)', [name]);
}

export const createServiceAccount = (
  query: Query,
  account: { name: string; role: string; description: string },
) =>
  one(query, 'select to_jsonb(a) as value from stepbase.create_service_account($1, $2, $3) a', [
    account.name,
    account.role,
    account.description,
  ]);

export const updateServiceAccount = (
  query: Query,
  id: string,
  change: {
    role?: string | undefined;
    is_active?: boolean | undefined;
    description?: string | undefined;
  },
) =>
  one(
    query,
    `select to_jsonb(a) as value
     from stepbase.update_service_account($1, $2, $3::boolean, $4) a`,
    [id, change.role ?? null, change.is_active ?? null, change.description ?? null],
  );

export const createApiKey = (
  query: Query,
  key: {
    name: string;
    scopes?: string[] | undefined;
    expires_at?: string | undefined;
    service_account_id?: string | undefined;
  },
) =>
  one(query, 'select stepbase.create_api_key($1, $2::text[], $3, $4::uuid) as value', [
    key.name,
    key.scopes ?? null,
    key.expires_at ?? null,
    key.service_account_id ?? null,
  ]);

export const rotateApiKey = (query: Query, id: string, overlapSeconds: number) =>
  one(query, 'select stepbase.rotate_api_key($1, $2::int) as value', [id, overlapSeconds]);

export async function revokeApiKey(query: Query, id: string): Promise<void> {
  await query('select stepbase.revoke_api_key($1)', [id]);
}

/** Without a service account the caller becomes the owner. */
export async function adoptApiKey(
  query: Query,
  id: string,
  serviceAccountId: string | undefined,
): Promise<void> {
  await query('select stepbase.adopt_api_key($1, $2::uuid)', [id, serviceAccountId ?? null]);
}
