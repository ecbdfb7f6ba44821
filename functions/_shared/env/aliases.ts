// Other names of variables that hosting platforms and older set-ups use. A variable's own name has precedence over
// its alias.

/**
 * Alias and the variable that it sets. SUPABASE_SERVICE_ROLE_KEY and SUPABASE_ANON_KEY are not among them: hosted
 * projects inject them also after their owner has disabled these keys.
 */
export const envAliases = {
  SUPABASE_JWT_SECRET: 'JWT_SECRET',
  CORS_ORIGINS: 'STEPBASE_CORS_ORIGINS',
} as const;

/** One address that contains the token; it sets UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN. */
export const REDIS_ALIAS = 'REDIS_URL';

export class AliasError extends Error {}

/** Replaces aliases by the variables that they stand for. Values are not empty. */
export function withoutAliases(values: Record<string, string>): Record<string, string> {
  const result = { ...values };
  for (const [alias, name] of Object.entries(envAliases)) {
    const value = result[alias];
    if (value !== undefined) result[name] ??= value;
  }
  const redis = result[REDIS_ALIAS];
  if (redis !== undefined && result.UPSTASH_REDIS_REST_URL === undefined) {
    Object.assign(result, restOf(redis));
  }
  return result;
}

/**
 * The functions call Redis over HTTP. At Upstash the password of the TCP address is also the token of the REST
 * address. Any other server needs an address of its REST interface.
 */
function restOf(address: string): Record<string, string> {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const isUpstash = url?.protocol === 'rediss:' && url.hostname.endsWith('.upstash.io');
  const isRest = url?.protocol === 'https:' || url?.protocol === 'http:';
  if (url === undefined || !(isUpstash || isRest) || url.password === '') {
    throw new AliasError(
      `${REDIS_ALIAS}: must be rediss://default:<token>@<name>.upstash.io:6379 or http(s)://:<token>@<host> of an ` +
        'Upstash-compatible REST server. For a plain Redis, put the gateway in front of it and set ' +
        'UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN',
    );
  }
  return {
    UPSTASH_REDIS_REST_URL: isUpstash ? `https://${url.hostname}` : `${url.protocol}//${url.host}`,
    UPSTASH_REDIS_REST_TOKEN: decodeURIComponent(url.password),
  };
}
