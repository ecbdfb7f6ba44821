// The header Idempotency-Key of requests that create: the answer is stored in the transaction that creates, so a
// repeated request gets the first answer, and of concurrent ones only the first creates.
import { createHash } from 'node:crypto';
import type { Context } from 'hono';
import type { Query } from '../_shared/db/pool.ts';
import { AppError } from '../_shared/errors/index.ts';
import { parseJsonBody } from './json-body.ts';
import type { Answer, Definition } from './operation.ts';
import { claimIdempotencyKey, storeIdempotentAnswer } from './request-queries.ts';

const MAX_KEY = 255;

export interface RequestIdentity {
  route: string;
  key: string;
  /** SHA-256 of path and body, without a secret in it: the same key must mean the same request. */
  hash: string;
  /** The key belongs to the calling user, because the route needs no application. */
  isOfUser: boolean;
}

/** The identity of the request, or undefined if it has no key. */
export async function requestIdentity(
  c: Context,
  { id: route, permission, idempotency }: Pick<Definition, 'id' | 'permission' | 'idempotency'>,
): Promise<RequestIdentity | undefined> {
  const key = c.req.header('idempotency-key');
  if (key === undefined) return undefined;
  if (key === '' || key.length > MAX_KEY) {
    throw new AppError('invalid_request', `Idempotency-Key must have 1 to ${MAX_KEY} characters`);
  }
  const { pathname, search } = new URL(c.req.url);
  const body = await c.req.text();
  const text = `${pathname}${search}\n${idempotency === 'secret' ? withoutSecret(body) : body}`;
  const hash = createHash('sha256').update(text).digest('hex');
  return { route, key, hash, isOfUser: permission === 'user' };
}

/** A weak secret can be guessed from its hash. */
function withoutSecret(body: string): string {
  if (body === '') return body;
  const { secret: _, ...rest } = Object(parseJsonBody(body)) as { secret?: unknown };
  return JSON.stringify(rest);
}

export async function idempotently(
  query: Query,
  identity: RequestIdentity,
  isSecret: boolean,
  work: () => Promise<Answer>,
): Promise<Answer> {
  const stored = await claimIdempotencyKey(query, identity);
  if (stored !== undefined) {
    if (!isSecret) return stored;
    throw new AppError('conflict', 'An earlier request with this Idempotency-Key succeeded', {
      extra: Object(stored.body),
    });
  }
  const answer = await work();
  const { id } = Object(answer.body) as { id?: unknown };
  await storeIdempotentAnswer(query, identity, isSecret ? { ...answer, body: { id } } : answer);
  return answer;
}
