// Identifies the caller of either function: a signed-in user, a machine with an API key, the project with its
// secret key, or an anonymous caller.
import type { JWTPayload } from 'jose';
import { AppError } from '../errors/index.ts';
import { hashApiKey, looksLikeApiKey, matchesAny } from './keys.ts';
import type { VerifyUserToken } from './user-token.ts';

export interface UserCaller {
  kind: 'user';
  userId: string;
  appCode: string | undefined;
  expiresAt: number;
  claims: JWTPayload;
}

export interface ApiKeyCaller {
  kind: 'api_key';
  apiKeyId: string;
  appCode: string;
  claims: JWTPayload;
}

/** A caller whose access the database controls. */
export type MemberCaller = UserCaller | ApiKeyCaller;
export type Caller = MemberCaller | { kind: 'service' } | { kind: 'anonymous' };

export interface ApiKeyFacts {
  api_key_id: string;
  app_code: string;
}

export interface Identify {
  verifyUserToken: VerifyUserToken;
  /** Looks up a key by its hash; undefined when it is unknown, expired or revoked. */
  findApiKey(hash: string): Promise<ApiKeyFacts | undefined>;
  publishableKeys: readonly string[];
  secretKeys: readonly string[];
}

const BEARER = /^Bearer\s+(\S+)$/i;

/**
 * Reads `Authorization: Bearer <user token or API key>` and `apikey: <key>`. The first that identifies a
 * caller counts; an invalid credential is refused, never ignored.
 */
export async function identifyCaller(headers: Headers, by: Identify): Promise<Caller> {
  const authorization = headers.get('authorization');
  const bearer = authorization === null ? undefined : BEARER.exec(authorization.trim())?.[1];
  if (authorization !== null && bearer === undefined) {
    throw new AppError('not_authenticated', 'Authorization must be a Bearer token');
  }
  const apikey = headers.get('apikey') ?? undefined;
  let caller: Caller = { kind: 'anonymous' };
  for (const credential of [bearer, apikey]) {
    if (credential === undefined) continue;
    const found = await identifyCredential(credential, by);
    if (found.kind !== 'anonymous') return found;
    caller = found;
  }
  return caller;
}

async function identifyCredential(credential: string, by: Identify): Promise<Caller> {
  if (looksLikeApiKey(credential)) return await identifyApiKey(credential, by);
  if (matchesAny(credential, by.secretKeys)) return { kind: 'service' };
  // supabase-js sends the publishable key as the bearer token while no user is signed in.
  if (matchesAny(credential, by.publishableKeys)) return { kind: 'anonymous' };
  const token = await by.verifyUserToken(credential);
  const { userId, appCode, expiresAt, claims } = token;
  return { kind: 'user', userId, appCode, expiresAt, claims };
}

async function identifyApiKey(key: string, by: Identify): Promise<ApiKeyCaller> {
  const found = await by.findApiKey(hashApiKey(key));
  if (found === undefined) {
    throw new AppError('not_authenticated', 'The API key is not valid', {
      extra: { reason: 'invalid' },
    });
  }
  const { api_key_id: apiKeyId, app_code: appCode } = found;
  const claims = { role: 'authenticated', api_key_id: apiKeyId, app_code: appCode };
  return { kind: 'api_key', apiKeyId, appCode, claims };
}

/** The key under which the rate limit counts a caller's requests. */
export function callerKey(caller: MemberCaller): string {
  return caller.kind === 'user' ? `user:${caller.userId}` : `key:${caller.apiKeyId}`;
}
