// The second factor of Supabase Auth, which the embedded Auth does not have: the routes of GoTrue with their shapes, between
// the page and the stack. The other routes are those of the stack; users get their factors, and a verified session is
// one of level aal2, signed like the others.

import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeJwt, SignJWT } from 'jose';
import type { BrowserContext, Route } from 'playwright-core';
import { stackInfo } from '../support/stack.ts';

/** The code that the authenticator app shows. */
export const CODE = '123456';

export const SECRET = 'JBSWY3DPEHPK3PXP';

const PICTURE =
  '<svg xmlns="http://www.w3.org/2000/svg" width="210" height="210"><path d="M40 40h90v90H40z" style="fill:rgb(0,0,0)"/></svg>';

interface Factor {
  id: string;
  friendly_name: string;
  factor_type: 'totp';
  status: 'unverified' | 'verified';
  created_at: string;
  updated_at: string;
}

type Answer = Record<string, unknown>;

const refuse = (route: Route, error_code: string, msg: string) =>
  route.fulfill({ status: 422, json: { code: 422, error_code, msg } });

/** The token with another level; the stack accepts it, because it has the signature of the stack. */
async function raised(token: string): Promise<string> {
  const keys = JSON.parse(await readFile(join(stackInfo().data_dir, 'keys.json'), 'utf8')) as {
    jwtSecret: string;
  };
  return await new SignJWT({ ...decodeJwt(token), aal: 'aal2' })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .sign(new TextEncoder().encode(keys.jwtSecret));
}

const factorOf = (friendly_name: string, status: Factor['status']): Factor => {
  const now = new Date().toISOString();
  return {
    id: randomUUID(),
    friendly_name,
    factor_type: 'totp',
    status,
    created_at: now,
    updated_at: now,
  };
};

/** From now on, all pages of the context have an Auth with second factors, which users have from the start if `isSetUp`. */
export async function offerSecondFactor(context: BrowserContext, isSetUp = false): Promise<void> {
  let factors: Factor[] = isSetUp ? [factorOf('Authenticator app', 'verified')] : [];
  const challenges = new Set<string>();
  /** The last answer with a session, which verify() raises. */
  let session: Answer = {};

  const withFactors = (user: unknown) => ({ ...(user as Answer), factors });

  // A sign-in and a user of the stack, with the factors.
  await context.route(/\/auth\/v1\/(token|user)(\?|$)/, async (route) => {
    const response = await route.fetch();
    const body = (await response.json()) as Answer;
    if (!response.ok()) return await route.fulfill({ response });
    if (body.access_token === undefined) {
      return await route.fulfill({ response, json: withFactors(body) });
    }
    session = { ...body, user: withFactors(body.user) };
    return await route.fulfill({ response, json: session });
  });

  await context.route(/\/auth\/v1\/factors/, async (route) => {
    const request = route.request();
    if (request.method() === 'OPTIONS') return await route.continue();
    const [, id = '', act = ''] =
      /\/factors(?:\/([^/]+))?(?:\/(\w+))?$/.exec(new URL(request.url()).pathname) ?? [];
    const sent = (request.postDataJSON() ?? {}) as Record<string, string>;
    if (request.method() === 'DELETE') {
      factors = factors.filter((each) => each.id !== id);
      return await route.fulfill({ json: { id } });
    }
    if (id === '') {
      const friendly_name = sent.friendly_name ?? '';
      const factor = factorOf(friendly_name, 'unverified');
      factors = [...factors, factor];
      const uri = `otpauth://totp/${sent.issuer}:a?issuer=${sent.issuer}&secret=${SECRET}`;
      const totp = { qr_code: PICTURE, secret: SECRET, uri };
      return await route.fulfill({ json: { id: factor.id, type: 'totp', friendly_name, totp } });
    }
    if (act === 'challenge') {
      const challenge = randomUUID();
      challenges.add(challenge);
      const expires_at = Math.floor(Date.now() / 1_000) + 300;
      return await route.fulfill({ json: { id: challenge, type: 'totp', expires_at } });
    }
    if (!challenges.delete(sent.challenge_id ?? '')) {
      return await refuse(route, 'mfa_challenge_expired', 'MFA challenge has expired');
    }
    if (sent.code !== CODE) {
      return await refuse(route, 'mfa_verification_failed', 'Invalid TOTP code entered');
    }
    factors = factors.map((each) => (each.id === id ? { ...each, status: 'verified' } : each));
    const [, token = ''] = (request.headers().authorization ?? '').split(' ');
    const claims = decodeJwt(token);
    return await route.fulfill({
      json: {
        ...session,
        access_token: await raised(token),
        token_type: 'bearer',
        expires_in: (claims.exp ?? 0) - Math.floor(Date.now() / 1_000),
        expires_at: claims.exp,
        user: withFactors(session.user),
      },
    });
  });
}
