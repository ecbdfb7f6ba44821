// Statements about a request itself: the permission of its caller and its Idempotency-Key. They run as the caller.
import type { Query } from '../_shared/db/pool.ts';
import { AppError } from '../_shared/errors/index.ts';
import { toStorableJson } from '../_shared/text/storable.ts';

/** Raises permission_denied, with the name of the permission, if the caller lacks it. */
export async function requirePermission(query: Query, permission: string): Promise<void> {
  await query('select stepbase_private.require_permission($1)', [permission]);
}

/** Raises permission_denied if the caller acts for no application. */
export async function requireMember(query: Query): Promise<void> {
  const [row] = await query<{ app: string | null }>('select stepbase_private.app_code() as app');
  if (row?.app) return;
  throw new AppError(
    'permission_denied',
    'You are not a member of an application; ask an admin to add you',
  );
}

/** Undefined: the key is new, and belongs to this transaction until it ends. Otherwise the stored answer. */
export async function claimIdempotencyKey(
  query: Query,
  { route, key, hash }: { route: string; key: string; hash: string },
): Promise<{ status?: number; body?: unknown } | undefined> {
  const [row] = await query<{ value: { status?: number; body?: unknown } | null }>(
    'select stepbase_private.claim_idempotency_key($1, $2, $3) as value',
    [route, key, hash],
  );
  return row?.value ?? undefined;
}

export async function storeIdempotentAnswer(
  query: Query,
  { route, key }: { route: string; key: string },
  answer: object,
): Promise<void> {
  await query('select stepbase_private.store_idempotent_answer($1, $2, $3::jsonb)', [
    route,
    key,
    toStorableJson(answer),
  ]);
}
