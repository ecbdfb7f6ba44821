// The caller of a request to the gateway: an API key, and in addition a user's token. Errors have the wording of the
// hosted gateway and of PostgREST.

import { errors } from 'jose';
import type { StackKeys } from './keys.ts';
import { type KeyType, TokenVerifier } from './tokens.ts';

export type Claims = Record<string, unknown> & { role: string };

export type Identity =
  | { ok: true; key: KeyType; claims: Claims }
  | { ok: false; response: Response };

function refuse(status: number, body: unknown, headers: Record<string, string> = {}): Identity {
  return { ok: false, response: Response.json(body, { status, headers }) };
}

function bearer(headers: Headers): string | undefined {
  return /^Bearer\s+(.+)$/i.exec(headers.get('authorization') ?? '')?.[1];
}

export class Gatekeeper {
  readonly #tokens: TokenVerifier;

  constructor(keys: StackKeys) {
    this.#tokens = new TokenVerifier(keys);
  }

  keyType(key: string): KeyType | undefined {
    return this.#tokens.keyType(key);
  }

  /** For the Data API: a key is required; the token of a user, if present, determines the role. */
  async identify(headers: Headers, url?: URL): Promise<Identity> {
    const apikey = headers.get('apikey') ?? url?.searchParams.get('apikey');
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

  /** For functions with `verify_jwt`: as on a hosted project, a valid token or a valid API key is required. */
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
    const payload = await this.#tokens.claims(token);
    const role = typeof payload.role === 'string' ? payload.role : 'anon';
    return { ...payload, role };
  }
}
