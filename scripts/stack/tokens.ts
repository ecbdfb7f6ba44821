// The keys and tokens of a project, verified in one place for the gateway and for Realtime.

import { timingSafeEqual } from 'node:crypto';
import { type JWTPayload, jwtVerify } from 'jose';

export interface ProjectKeys {
  jwtSecret: string;
  publishableKey: string;
  secretKey: string;
}

export type KeyType = 'publishable' | 'secret';

/** The algorithms that Supabase accepts with a shared secret. */
const ALGORITHMS = ['HS256', 'HS384', 'HS512'];

function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

export class TokenVerifier {
  readonly #keys: ProjectKeys;
  readonly #secret: Uint8Array;

  constructor(keys: ProjectKeys) {
    this.#keys = keys;
    this.#secret = new TextEncoder().encode(keys.jwtSecret);
  }

  /** Undefined if the text is not an API key of the project. */
  keyType(key: string): KeyType | undefined {
    if (same(key, this.#keys.publishableKey)) return 'publishable';
    if (same(key, this.#keys.secretKey)) return 'secret';
    return undefined;
  }

  /** The claims of a token that the project signed; throws jose's errors. */
  async claims(token: string): Promise<JWTPayload> {
    const { payload } = await jwtVerify(token, this.#secret, { algorithms: ALGORITHMS });
    return payload;
  }
}
