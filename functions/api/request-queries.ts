// Statements about a request itself: the permission of its caller and its Idempotency-Key. They run as the caller.
import type { MemberCaller } from '../_shared/auth/index.ts';
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
    'This session acts for no application; create one or accept an invitation, and refresh the session',
    { extra: { rule: 'application_required' } },
  );
}

/** Raises permission_denied for API keys and for the secret key. */
export function requireUser(caller: MemberCaller): void {
  if (caller.kind === 'user') return;
  throw new AppError('permission_denied', 'A key cannot do this; sign in as a user', {
    extra: { rule: 'users_only' },
  });
}

/** Undefined: the key is new, and belongs to this transaction until it ends. Otherwise the stored answer. */
export async function claimIdempotencyKey(
  query: Query,
  { route, key, hash, isOfUser }: { route: string; key: string; hash: string; isOfUser: boolean },
): Promise<{ status?: number; body?: unknown } | undefined> {
  const [row] = await query<{ value: { status?: number; body?: unknown } | null }>(
    'select stepbase_private.claim_idempotency_key($1, $2, $3, $4) as value',
    [route, key, hash, isOfUser],
  );
  return row?.value ?? undefined;
}

export async function storeIdempotentAnswer(
  query: Query,
  { route, key, isOfUser }: { route: string; key: string; isOfUser: boolean },
  answer: object,
): Promise<void> {
  await query('select stepbase_private.store_idempotent_answer($1, $2, $3::jsonb, $4)', [
    route,
    key,
    toStorableJson(answer),
    isOfUser,
  ]);
}
