// Who is calling: an API key or a signed JWT becomes the role and the claims that RLS sees.

import { errors, jwtVerify } from 'jose';

export interface Identity {
  token: string;
  role: string;
  claims: Record<string, unknown>;
  /** Seconds since 1970; API keys do not expire. */
  expiresAt: number;
}

export interface Keys {
  jwtSecret: string;
  publishableKey: string;
  secretKey: string;
}

/** A refusal in the words of the hosted service: `Code: message` is what a client is shown. */
export class Refusal extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.name = 'Refusal';
    this.code = code;
  }
}

const NEVER = 4_102_444_800;

export class Identities {
  readonly #keys: Keys;
  readonly #secret: Uint8Array;

  constructor(keys: Keys) {
    this.#keys = keys;
    this.#secret = new TextEncoder().encode(keys.jwtSecret);
  }

  /** The identity of a key or token; throws a Refusal. */
  async of(token: string): Promise<Identity> {
    if (token === this.#keys.publishableKey) return this.#keyIdentity(token, 'anon');
    if (token === this.#keys.secretKey) return this.#keyIdentity(token, 'service_role');
    return await this.#jwtIdentity(token);
  }

  #keyIdentity(token: string, role: string): Identity {
    return { token, role, claims: { role, iss: 'supabase', exp: NEVER }, expiresAt: NEVER };
  }

  async #jwtIdentity(token: string): Promise<Identity> {
    let claims: Record<string, unknown>;
    try {
      const verified = await jwtVerify(token, this.#secret, {
        algorithms: ['HS256', 'HS384', 'HS512'],
      });
      claims = verified.payload;
    } catch (error) {
      if (error instanceof errors.JWTExpired) {
        const ago = Math.floor(Date.now() / 1000) - Number(error.payload.exp);
        throw new Refusal('InvalidJWTToken', `Token has expired ${ago} seconds ago`);
      }
      if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid) {
        throw new Refusal('MalformedJWT', 'The token provided is not a valid JWT');
      }
      throw new Refusal('JwtSignatureError', 'Failed to validate JWT signature');
    }
    const { role, exp } = claims;
    if (typeof role !== 'string' || role === '' || typeof exp !== 'number') {
      throw new Refusal('InvalidJWTToken', 'Fields `role` and `exp` are required in JWT');
    }
    return { token, role, claims, expiresAt: exp };
  }
}
