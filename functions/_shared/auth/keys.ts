// Keys that are compared or looked up, never parsed: the project's publishable and secret keys, and the
// API keys of apps.
import { createHash, timingSafeEqual } from 'node:crypto';

const API_KEY = /^sbk_[\w-]{43}$/;

const sha256 = (text: string) => createHash('sha256').update(text).digest();

/** Whether the given key is one of the keys; compares in constant time. */
export function matchesAny(given: string, keys: readonly string[]): boolean {
  const wanted = sha256(given);
  return keys.reduce((found, key) => timingSafeEqual(sha256(key), wanted) || found, false);
}

export function looksLikeApiKey(text: string): boolean {
  return API_KEY.test(text);
}

/** The hash of an API key as the database stores it. */
export function hashApiKey(key: string): string {
  return sha256(key).toString('hex');
}
