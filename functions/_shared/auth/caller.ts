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

/** The project with its secret key, for an application that the request names. */
export interface ServiceCaller {
  kind: 'service';
  /** The header x-stepbase-app; every route of members needs it. */
  appCode: string | undefined;
  claims: JWTPayload;
}

/** A caller whose access the database controls. */
export type MemberCaller = UserCaller | ApiKeyCaller | ServiceCaller;
export type Caller = MemberCaller | { kind: 'anonymous' };

/** Names the application of a request with the secret key. For every other caller it has no effect. */
export const APP_HEADER = 'x-stepbase-app';

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
    const found = await identifyCredential(credential, headers, by);
    if (found.kind !== 'anonymous') return found;
    caller = found;
  }
  return caller;
}

async function identifyCredential(
  credential: string,
  headers: Headers,
  by: Identify,
): Promise<Caller> {
  if (looksLikeApiKey(credential)) return await identifyApiKey(credential, by);
  if (matchesAny(credential, by.secretKeys)) {
    const appCode = headers.get(APP_HEADER) || undefined;
    return { kind: 'service', appCode, claims: { role: 'service_role' } };
  }
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
  switch (caller.kind) {
    case 'user':
      return `user:${caller.userId}`;
    case 'api_key':
      return `key:${caller.apiKeyId}`;
    case 'service':
      return `service:${caller.appCode}`;
  }
}
