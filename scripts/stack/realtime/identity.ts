// The caller: the role and the claims for RLS from an API key or a signed JWT.

import { errors } from 'jose';
import { type ProjectKeys, TokenVerifier } from '../tokens.ts';

export interface Identity {
  token: string;
  role: string;
  claims: Record<string, unknown>;
  /** Seconds since 1970; API keys do not expire. */
  expiresAt: number;
}

/** A refusal with the wording of the hosted service: the client receives `Code: message`. */
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
  readonly #tokens: TokenVerifier;

  constructor(keys: ProjectKeys) {
    this.#tokens = new TokenVerifier(keys);
  }

  /** The identity of a key or token; throws a Refusal. */
  async of(token: string): Promise<Identity> {
    const key = this.#tokens.keyType(token);
    if (key) return this.#keyIdentity(token, key === 'secret' ? 'service_role' : 'anon');
    return await this.#jwtIdentity(token);
  }

  #keyIdentity(token: string, role: string): Identity {
    return { token, role, claims: { role, iss: 'supabase', exp: NEVER }, expiresAt: NEVER };
  }

  async #jwtIdentity(token: string): Promise<Identity> {
    let claims: Record<string, unknown>;
    try {
      claims = await this.#tokens.claims(token);
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
