// Authentication: valid tokens of both kinds, and every way in which a credential can be invalid.
import { deepStrictEqual, rejects, strictEqual } from 'node:assert/strict';
import { createServer } from 'node:http';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import type { Db } from '../db/pool.ts';
import { AppError } from '../errors/index.ts';
import { asCaller } from './as-caller.ts';
import { callerKey, type Identify, identifyCaller } from './caller.ts';
import { hashApiKey, looksLikeApiKey, matchesAny } from './keys.ts';
import { userTokenVerifier } from './user-token.ts';

const SECRET = 'a secret of at least thirty-two characters';
const ISSUER = 'http://127.0.0.1:9/auth/v1';
const USER = 'b2d4fd39-8a54-4a59-9a2c-0f4c9a1a7d11';
const API_KEY = `sbk_${'k'.repeat(43)}`;

interface Token {
  claims?: JWTPayload;
  secret?: string;
  issuer?: string;
  audience?: string;
  expires?: string | number;
}

function token({
  claims = {},
  secret = SECRET,
  issuer = ISSUER,
  ...rest
}: Token = {}): Promise<string> {
  return new SignJWT({ role: 'authenticated', app_code: 'shop', ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(USER)
    .setIssuer(issuer)
    .setAudience(rest.audience ?? 'authenticated')
    .setExpirationTime(rest.expires ?? '5m')
    .sign(new TextEncoder().encode(secret));
}

function identify(
  jwksUrl = 'http://127.0.0.1:9/none',
  secret: string | undefined = SECRET,
): Identify {
  return {
    verifyUserToken: userTokenVerifier({ secret, issuer: ISSUER, jwksUrl }),
    findApiKey: (hash) =>
      Promise.resolve(
        hash === hashApiKey(API_KEY) ? { api_key_id: 'key-1', app_code: 'shop' } : undefined,
      ),
    publishableKeys: ['sb_publishable_x'],
    secretKeys: ['sb_secret_x', 'sb_secret_y'],
  };
}

const bearer = (text: string) => new Headers({ authorization: `Bearer ${text}` });

const refusedBecause = (code: string, reason?: string) => (error: unknown) =>
  error instanceof AppError && error.code === code && error.extra.reason === reason;

Deno.test('a user token gives the user, the app and the claims for the database', async () => {
  const caller = await identifyCaller(bearer(await token()), identify());
  strictEqual(caller.kind, 'user');
  if (caller.kind !== 'user') return;
  strictEqual(caller.userId, USER);
  strictEqual(caller.appCode, 'shop');
  strictEqual(caller.claims.sub, USER);
  strictEqual(callerKey(caller), `user:${USER}`);
});

const WRONG: [string, Token, string][] = [
  ['forged', { secret: 'another secret of thirty-two characters' }, 'invalid'],
  ['expired', { expires: Math.floor(Date.now() / 1000) - 60 }, 'expired'],
  ['of another project', { issuer: 'https://other.example/auth/v1' }, 'invalid'],
  ['for another audience', { audience: 'other' }, 'invalid'],
  ['of the anonymous role', { claims: { role: 'anon' } }, 'invalid'],
  ['of the service role', { claims: { role: 'service_role' } }, 'invalid'],
];
for (const [name, options, reason] of WRONG) {
  Deno.test(`a token ${name} is refused`, async () => {
    await rejects(
      identifyCaller(bearer(await token(options)), identify()),
      refusedBecause('not_authenticated', reason),
    );
  });
}

Deno.test('an unsigned token, garbage, and another scheme are refused', async () => {
  const unsigned = `${btoa('{"alg":"none"}')}.${btoa(`{"sub":"${USER}"}`)}.`.replaceAll('=', '');
  for (const text of [unsigned, 'garbage', 'a.b.c', '…']) {
    await rejects(
      identifyCaller(new Headers({ authorization: `Bearer ${encodeURI(text)}` }), identify()),
      refusedBecause('not_authenticated', 'invalid'),
    );
  }
  await rejects(
    identifyCaller(new Headers({ authorization: 'Basic dTpw' }), identify()),
    refusedBecause('not_authenticated'),
  );
});

Deno.test('without a secret every HS256 token is refused', async () => {
  await rejects(
    identifyCaller(bearer(await token()), {
      ...identify(),
      verifyUserToken: userTokenVerifier({ secret: undefined, issuer: ISSUER, jwksUrl: ISSUER }),
    }),
    refusedBecause('not_authenticated', 'invalid'),
  );
});

Deno.test('asymmetric tokens are verified by the JWKS of the project', async () => {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' };
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ keys: [jwk] }));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const sign = (key: Parameters<SignJWT['sign']>[0], kid: string) =>
    new SignJWT({ role: 'authenticated' })
      .setProtectedHeader({ alg: 'ES256', kid })
      .setSubject(USER)
      .setIssuer(ISSUER)
      .setAudience('authenticated')
      .setExpirationTime('5m')
      .sign(key);
  try {
    const by = identify(`http://127.0.0.1:${port}/jwks.json`);
    const caller = await identifyCaller(bearer(await sign(privateKey, 'k1')), by);
    strictEqual(caller.kind, 'user');
    const other = await generateKeyPair('ES256');
    for (const kid of ['k1', 'k2']) {
      await rejects(
        identifyCaller(bearer(await sign(other.privateKey, kid)), by),
        refusedBecause('not_authenticated', 'invalid'),
      );
    }
  } finally {
    await new Promise((done) => server.close(done));
  }
});

Deno.test('if the JWKS cannot be loaded, the result is "unavailable", not an invalid token', async () => {
  const { privateKey } = await generateKeyPair('ES256');
  const signed = await new SignJWT({ role: 'authenticated' })
    .setProtectedHeader({ alg: 'ES256', kid: 'k' })
    .sign(privateKey);
  // A port on which no server listens: bound once to find a free one, then closed.
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  await new Promise((done) => server.close(done));
  await rejects(
    identifyCaller(bearer(signed), identify(`http://127.0.0.1:${port}/jwks.json`)),
    refusedBecause('unavailable'),
  );
});

Deno.test('an API key acts for its app, in either header', async () => {
  for (const headers of [bearer(API_KEY), new Headers({ apikey: API_KEY })]) {
    const caller = await identifyCaller(headers, identify());
    deepStrictEqual(caller, {
      kind: 'api_key',
      apiKeyId: 'key-1',
      appCode: 'shop',
      claims: { role: 'authenticated', api_key_id: 'key-1', app_code: 'shop' },
    });
  }
  await rejects(
    identifyCaller(bearer(`sbk_${'z'.repeat(43)}`), identify()),
    refusedBecause('not_authenticated', 'invalid'),
  );
});

Deno.test('the secret key is the project, the publishable key is an anonymous caller', async () => {
  const by = identify();
  strictEqual((await identifyCaller(new Headers({ apikey: 'sb_secret_y' }), by)).kind, 'service');
  strictEqual((await identifyCaller(bearer('sb_publishable_x'), by)).kind, 'anonymous');
  strictEqual((await identifyCaller(new Headers(), by)).kind, 'anonymous');
  const both = new Headers({
    apikey: 'sb_publishable_x',
    authorization: `Bearer ${await token()}`,
  });
  strictEqual((await identifyCaller(both, by)).kind, 'user');
});

Deno.test('the header x-stepbase-app names the app of the secret key, and of no other caller', async () => {
  const by = identify();
  const appOf = async (headers: Record<string, string>) => {
    const caller = await identifyCaller(new Headers({ ...headers, 'x-stepbase-app': 'other' }), by);
    return 'appCode' in caller ? [caller.appCode, caller.claims.role] : caller.kind;
  };
  deepStrictEqual(await appOf({ apikey: 'sb_secret_y' }), ['other', 'service_role']);
  deepStrictEqual(await appOf({ authorization: 'Bearer sb_secret_x' }), ['other', 'service_role']);
  deepStrictEqual(await appOf({ authorization: `Bearer ${API_KEY}` }), ['shop', 'authenticated']);
  const user = { authorization: `Bearer ${await token()}` };
  deepStrictEqual(await appOf(user), ['shop', 'authenticated']);
  deepStrictEqual(await appOf({ ...user, apikey: 'sb_secret_x' }), ['shop', 'authenticated']);
  deepStrictEqual(await appOf({ apikey: 'sb_publishable_x' }), 'anonymous');
});

Deno.test('the statements of a caller have the header of the secret key only', async () => {
  const settings = async (headers: Record<string, string>) => {
    const caller = await identifyCaller(
      new Headers({ ...headers, 'x-stepbase-app': 'other' }),
      identify(),
    );
    if (caller.kind === 'anonymous') throw new Error('this caller has no statements');
    const seen: unknown[] = [];
    const query = (_text: string, values?: readonly unknown[]) => {
      seen.push(...(values ?? []));
      return Promise.resolve([]);
    };
    const db = { transaction: (work: (query: unknown) => unknown) => work(query) };
    await asCaller(db as unknown as Db, caller, () => Promise.resolve());
    return seen;
  };
  deepStrictEqual(await settings({ apikey: 'sb_secret_x' }), [
    '{"role":"service_role"}',
    '{"x-stepbase-app":"other"}',
  ]);
  const [claims, headers] = await settings({ apikey: API_KEY });
  strictEqual(JSON.parse(String(claims)).api_key_id, 'key-1');
  strictEqual(headers, '{}');
});

Deno.test('a prefix of a key does not match', () => {
  strictEqual(matchesAny('sb_secret_', ['sb_secret_x']), false);
  strictEqual(matchesAny('', []), false);
  strictEqual(matchesAny('b', ['a', 'b']), true);
  strictEqual(looksLikeApiKey('sbk_short'), false);
});
