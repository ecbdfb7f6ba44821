// The statements of webhooks. They run with the function's own role, because a call has no user: its
// signature authorises it.
import type { Db } from '../../_shared/db/pool.ts';
import { toStorableJson } from '../../_shared/text/storable.ts';

/** An empty list when the webhook does not exist, or uses another signature scheme. */
export async function readSecrets(db: Db, triggerId: string, scheme: string): Promise<string[]> {
  const [row] = await db.query<{ secrets: string[] }>(
    'select stepbase_private.webhook_secrets_of($1, $2) as secrets',
    [triggerId, scheme],
  );
  return row?.secrets ?? [];
}

export interface StartedByCall {
  run_id: string | null;
  status: string | null;
  is_new: boolean;
  problem: { code: string; message: string; [extra: string]: unknown } | null;
}

export async function startWebhook(
  db: Db,
  call: { triggerId: string; callId: string; input: unknown; traceparent: string | undefined },
): Promise<StartedByCall> {
  const [row] = await db.query<StartedByCall>(
    'select * from stepbase_engine.start_webhook($1, $2, $3, $4)',
    [call.triggerId, call.callId, toStorableJson(call.input), call.traceparent ?? null],
  );
  if (row === undefined) throw new Error('start_webhook returned nothing');
  return row;
}

/** Writes a call that starts no run to the log of the webhook. */
export async function recordCall(
  db: Db,
  triggerId: string,
  verdict: 'bad_signature' | 'handshake',
  error?: { code: string; message: string },
): Promise<void> {
  await db.query('select stepbase_engine.record_webhook_call($1, $2, p_error => $3::jsonb)', [
    triggerId,
    verdict,
    error ? toStorableJson(error) : null,
  ]);
}
