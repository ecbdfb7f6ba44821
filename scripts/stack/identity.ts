// Who a request to the gateway is from: an API key, and on top of it a user's token. Answers refusals in
// the words of the hosted gateway and of PostgREST.

import { timingSafeEqual } from 'node:crypto';
import { errors, jwtVerify } from 'jose';
import type { StackKeys } from './keys.ts';

export type Claims = Record<string, unknown> & { role: string };

export type Identity =
  | { ok: true; key: 'publishable' | 'secret'; claims: Claims }
  | { ok: false; response: Response };

const CORS = { 'Access-Control-Allow-Origin': '*' };

function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function refuse(status: number, body: unknown, headers: Record<string, string> = {}): Identity {
  return { ok: false, response: Response.json(body, { status, headers: { ...CORS, ...headers } }) };
}

function bearer(headers: Headers): string | undefined {
  return /^Bearer\s+(.+)$/i.exec(headers.get('authorization') ?? '')?.[1];
}

export class Gatekeeper {
  readonly #keys: StackKeys;
  readonly #secret: Uint8Array;

  constructor(keys: StackKeys) {
    this.#keys = keys;
    this.#secret = new TextEncoder().encode(keys.jwtSecret);
  }

  keyType(key: string): 'publishable' | 'secret' | undefined {
    if (same(key, this.#keys.publishableKey)) return 'publishable';
    if (same(key, this.#keys.secretKey)) return 'secret';
    return undefined;
  }

  /** For the Data API: a key is needed; a user's token, when there is one, decides the role. */
  async identify(headers: Headers, url: URL): Promise<Identity> {
    const apikey = headers.get('apikey') ?? url.searchParams.get('apikey');
    if (!apikey) {
      return refuse(
        401,
        {
          message: 'No API key found in request',
          hint: 'No `apikey` request header or url param was found.',
        },
        { 'sb-error-code': 'UNAUTHORIZED_MISSING_API_KEY' },
      );
    }
    const key = this.keyType(apikey);
    if (!key) {
      return refuse(
        401,
        { message: 'Invalid API key', hint: 'Double check your Supabase `apikey`' },
        { 'sb-error-code': 'UNAUTHORIZED_INVALID_API_KEY' },
      );
    }
    const token = bearer(headers);
    if (token === undefined || token === apikey || this.keyType(token)) {
      const effective = token === undefined ? key : (this.keyType(token) ?? key);
      const role = effective === 'secret' ? 'service_role' : 'anon';
      return { ok: true, key, claims: { role, iss: 'supabase' } };
    }
    try {
      return { ok: true, key, claims: await this.verify(token) };
    } catch (error) {
      const expired = error instanceof errors.JWTExpired;
      const message = expired ? 'JWT expired' : 'JWSError JWSInvalidSignature';
      return refuse(
        401,
        { code: expired ? 'PGRST303' : 'PGRST301', details: null, hint: null, message },
        {
          'WWW-Authenticate': `Bearer error="invalid_token", error_description="${message}"`,
        },
      );
    }
  }

  /** For functions with `verify_jwt`: hosted admits a valid token or a valid API key. */
  async admitsFunction(headers: Headers): Promise<boolean> {
    const token = bearer(headers);
    const apikey = headers.get('apikey');
    if (token === undefined) return apikey !== null && this.keyType(apikey) !== undefined;
    if (this.keyType(token)) return true;
    return await this.verify(token).then(
      () => true,
      () => false,
    );
  }

  /** Claims of a token of this project; throws jose's errors. */
  async verify(token: string): Promise<Claims> {
    const { payload } = await jwtVerify(token, this.#secret, { algorithms: ['HS256'] });
    const role = typeof payload.role === 'string' ? payload.role : 'anon';
    return { ...payload, role };
  }
}
