// The rights of a caller in a topic by RLS on realtime.messages: probe rows are written and read as that caller in a
// transaction that is always rolled back.

import { randomUUID } from 'node:crypto';
import { DatabaseError, type Pool, type PoolClient } from 'pg';
import type { Identity } from './identity.ts';

export type Extension = 'broadcast' | 'presence';

const EXTENSIONS: readonly Extension[] = ['broadcast', 'presence'];

/** Runs `work` in a transaction that is always rolled back. */
async function inProbe<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('begin');
    return await work(client);
  } catch (error) {
    broken = error instanceof Error ? error : new Error(String(error));
    throw error;
  } finally {
    try {
      await client.query('rollback');
      client.release();
    } catch {
      client.release(broken ?? true);
    }
  }
}

/** Sets the session settings of PostgREST and of the hosted service for a caller. */
export async function becomeCaller(
  client: PoolClient,
  identity: Pick<Identity, 'role' | 'claims'>,
  topic: string | null,
): Promise<void> {
  await client.query(
    `select set_config('role', $1, true), set_config('realtime.topic', $2, true),
            set_config('request.jwt.claims', $3, true), set_config('request.jwt.claim.role', $1, true),
            set_config('request.jwt.claim.sub', $4, true), set_config('request.headers', '{}', true)`,
    [
      identity.role,
      topic ?? '',
      JSON.stringify(identity.claims),
      typeof identity.claims.sub === 'string' ? identity.claims.sub : '',
    ],
  );
}

/** The extensions of the topic that the caller may receive, by the select policies on the probe rows. */
export async function readable(
  pool: Pool,
  identity: Identity,
  topic: string,
): Promise<Record<Extension, boolean>> {
  return await inProbe(pool, async (client) => {
    const ids = EXTENSIONS.map(() => randomUUID());
    await client.query(
      `insert into realtime.messages (id, topic, extension)
       select id, $2, extension from unnest($1::uuid[], $3::text[]) as probe (id, extension)`,
      [ids, topic, EXTENSIONS],
    );
    await becomeCaller(client, identity, topic);
    const seen = await client.query<{ extension: Extension }>(
      'select extension from realtime.messages where id = any($1::uuid[])',
      [ids],
    );
    const found = new Set(seen.rows.map((row) => row.extension));
    return { broadcast: found.has('broadcast'), presence: found.has('presence') };
  });
}

/** Whether the caller may send this extension to the topic, by the insert policies. */
export async function writable(
  pool: Pool,
  identity: Identity,
  topic: string,
  extension: Extension,
): Promise<boolean> {
  return await inProbe(pool, async (client) => {
    await becomeCaller(client, identity, topic);
    try {
      await client.query('insert into realtime.messages (topic, extension) values ($1, $2)', [
        topic,
        extension,
      ]);
      return true;
    } catch (error) {
      if (isInsufficientPrivilege(error)) return false;
      throw error;
    }
  });
}

/**
 * Whether the policy itself failed. Other errors (no connection, no resources, a cancelled statement) do not decide
 * about the rights of the caller.
 */
export function isPolicyError(error: unknown): boolean {
  return error instanceof DatabaseError && !/^(08|53|57|58)/.test(error.code ?? '08');
}

function isInsufficientPrivilege(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '42501';
}
