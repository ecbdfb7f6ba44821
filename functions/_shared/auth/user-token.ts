// Verifies the JWT of a signed-in user: HS256 by the project's secret, if there is one, and asymmetric
// algorithms by the project's JWKS. Issuer, audience, expiry and role are checked in both cases.
import {
  createRemoteJWKSet,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';
import { z } from 'zod';
import { AppError } from '../errors/index.ts';

export interface UserTokenOptions {
  secret: string | undefined;
  issuer: string;
  jwksUrl: string;
}

export interface UserToken {
  userId: string;
  appCode: string | undefined;
  /** Seconds since 1970. */
  expiresAt: number;
  /** The value of request.jwt.claims in the database. */
  claims: JWTPayload;
}

const ASYMMETRIC = ['ES256', 'RS256', 'EdDSA'];

const Claims = z.object({
  sub: z.uuid(),
  exp: z.number(),
  role: z.literal('authenticated'),
  app_code: z.string().nullish(),
});

export type VerifyUserToken = (token: string) => Promise<UserToken>;

export function userTokenVerifier(options: UserTokenOptions): VerifyUserToken {
  // One key set for the process: it caches the keys and loads them again when a token has an unknown one.
  const jwks: JWTVerifyGetKey = createRemoteJWKSet(new URL(options.jwksUrl), {
    timeoutDuration: 5_000,
  });
  // Without a secret, a random one makes sure that every HS256 token is refused.
  const secret = new TextEncoder().encode(options.secret ?? crypto.randomUUID());
  const expected = { issuer: options.issuer, audience: 'authenticated', clockTolerance: 5 };

  return async (token) => {
    // The algorithm decides the kind of key, so that a public key cannot be used as a secret.
    const algorithm = algorithmOf(token);
    if (algorithm === undefined) throw refused('The token is not valid', 'invalid');
    try {
      const { payload } =
        algorithm === 'HS256'
          ? await jwtVerify(token, secret, { ...expected, algorithms: ['HS256'] })
          : await jwtVerify(token, jwks, { ...expected, algorithms: ASYMMETRIC });
      const claims = Claims.parse(payload);
      return {
        userId: claims.sub,
        appCode: claims.app_code ?? undefined,
        expiresAt: claims.exp,
        claims: payload,
      };
    } catch (error) {
      if (error instanceof errors.JWTExpired)
        throw refused('The token has expired', 'expired', error);
      if (isOutage(error)) {
        throw new AppError('unavailable', 'The keys of the project cannot be read', {
          cause: error,
        });
      }
      throw refused('The token is not valid', 'invalid', error);
    }
  };
}

function algorithmOf(token: string): string | undefined {
  try {
    const { alg } = decodeProtectedHeader(token);
    return alg === 'HS256' || ASYMMETRIC.includes(alg ?? '') ? alg : undefined;
  } catch {
    return undefined;
  }
}

function refused(message: string, reason: string, cause?: unknown): AppError {
  return new AppError('not_authenticated', message, { extra: { reason }, cause });
}

/** fetch throws a TypeError; for a response that is not a key set, jose throws a plain JOSEError. */
function isOutage(error: unknown): boolean {
  return (
    error instanceof errors.JWKSTimeout ||
    error instanceof TypeError ||
    (error instanceof errors.JOSEError && error.code === 'ERR_JOSE_GENERIC')
  );
}
