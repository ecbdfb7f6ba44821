// The environment: defaults, hosted and local forms, and one error that lists all faults.
import { deepStrictEqual, strictEqual, throws } from 'node:assert/strict';
import { parseEnv } from './env.ts';

const LEAST = {
  DATABASE_URL: 'postgres://u:p@127.0.0.1:1/db',
  SUPABASE_URL: 'http://127.0.0.1:2/',
};

Deno.test('two variables are required; all others have defaults', () => {
  const env = parseEnv(LEAST);
  strictEqual(env.supabaseUrl, 'http://127.0.0.1:2');
  strictEqual(env.jwt.issuer, 'http://127.0.0.1:2/auth/v1');
  strictEqual(env.jwt.jwksUrl, 'http://127.0.0.1:2/auth/v1/.well-known/jwks.json');
  strictEqual(env.redis, undefined);
  strictEqual(env.port, undefined);
});

Deno.test('keys are single variables or the maps of a hosted project', () => {
  const env = parseEnv({
    ...LEAST,
    SUPABASE_SECRET_KEY: 'sb_secret_a',
    SUPABASE_SECRET_KEYS: '{"default":"sb_secret_a","cron":"sb_secret_b"}',
  });
  deepStrictEqual(env.secretKeys, ['sb_secret_a', 'sb_secret_b']);
  deepStrictEqual(env.publishableKeys, []);
});

Deno.test('SUPABASE_DB_URL is used when DATABASE_URL is not set', () => {
  const { DATABASE_URL: url, SUPABASE_URL } = LEAST;
  strictEqual(parseEnv({ SUPABASE_URL, SUPABASE_DB_URL: url, DATABASE_URL: '' }).database.url, url);
});

Deno.test('the settings for steps are parsed with their defaults', () => {
  const { steps } = parseEnv(LEAST);
  deepStrictEqual(steps, {
    allowPrivateNetwork: false,
    egressAllow: [],
    openai: { baseUrl: 'https://api.openai.com/v1', apiKey: undefined },
    smtp: { url: undefined, from: undefined },
    webUrl: undefined,
    resend: undefined,
    storage: { url: 'http://127.0.0.1:2', secretKey: undefined },
    apiUrl: 'http://127.0.0.1:2/functions/v1/stepbase-api',
  });
});

Deno.test('blanks count as not set, and addresses lose their last slash', () => {
  const { steps } = parseEnv({
    ...LEAST,
    OPENAI_BASE_URL: 'http://127.0.0.1:3/v1/',
    OPENAI_API_KEY: ' ',
    SUPABASE_URL: 'http://127.0.0.1:5/',
    SUPABASE_SECRET_KEYS: '{"default": "sb_secret_1"}',
    SMTP_FROM: ' mail@example.com ',
    RESEND_API_KEY: 're_1',
    RESEND_BASE_URL: 'http://127.0.0.1:4/',
    STEPBASE_WEB_URL: 'https://app.example/',
    STEPBASE_API_URL: 'https://api.example/v1/',
    STEPBASE_ALLOW_PRIVATE_NETWORK: '1',
    STEPBASE_EGRESS_ALLOW: 'erp.internal, 10.0.0.0/8,',
  });
  deepStrictEqual(steps, {
    allowPrivateNetwork: true,
    egressAllow: ['erp.internal', '10.0.0.0/8'],
    openai: { baseUrl: 'http://127.0.0.1:3/v1', apiKey: undefined },
    smtp: { url: undefined, from: 'mail@example.com' },
    webUrl: 'https://app.example',
    resend: { baseUrl: 'http://127.0.0.1:4', apiKey: 're_1' },
    storage: { url: 'http://127.0.0.1:5', secretKey: 'sb_secret_1' },
    apiUrl: 'https://api.example/v1',
  });
});

Deno.test('secrets of workflows are the variables with their prefix and a value', () => {
  const { secrets } = parseEnv({
    ...LEAST,
    STEPBASE_SECRET_ACME__KEY: 'k',
    STEPBASE_SECRET_ACME__EMPTY: '',
    OTHER: 'x',
  });
  deepStrictEqual(secrets, { STEPBASE_SECRET_ACME__KEY: 'k' });
});

Deno.test('the error names every variable at fault and contains no value', () => {
  throws(
    () =>
      parseEnv({
        SUPABASE_URL: 'nonsense',
        DATABASE_URL: 'http://not-a-database',
        JWT_SECRET: 'short',
        SUPABASE_SECRET_KEYS: '{"a":1}',
      }),
    (error: Error) => {
      for (const name of ['SUPABASE_URL', 'DATABASE_URL', 'JWT_SECRET', 'SUPABASE_SECRET_KEYS']) {
        if (!error.message.includes(name)) return false;
      }
      return !error.message.includes('short') && !error.message.includes('nonsense');
    },
  );
  throws(() => parseEnv({ SUPABASE_URL: LEAST.SUPABASE_URL }), /DATABASE_URL: is required/);
  throws(
    () => parseEnv({ ...LEAST, UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:3' }),
    /UPSTASH_REDIS_REST_TOKEN: is required/,
  );
});

Deno.test('other names of variables are accepted; the own name has precedence', () => {
  const secret = 'x'.repeat(40);
  const aliased = {
    ...LEAST,
    SUPABASE_JWT_SECRET: secret,
    CORS_ORIGINS: 'http://localhost:5173, https://flows.example',
  };
  const env = parseEnv(aliased);
  strictEqual(env.jwt.secret, secret);
  deepStrictEqual(env.api.corsOrigins, ['http://localhost:5173', 'https://flows.example']);
  const both = parseEnv({
    ...aliased,
    JWT_SECRET: 'y'.repeat(40),
    STEPBASE_CORS_ORIGINS: 'https://a.example',
  });
  strictEqual(both.jwt.secret, 'y'.repeat(40));
  deepStrictEqual(both.api.corsOrigins, ['https://a.example']);
});

Deno.test('legacy keys that a hosted project injects open nothing', () => {
  const env = parseEnv({
    ...LEAST,
    SUPABASE_ANON_KEY: 'anon',
    SUPABASE_SERVICE_ROLE_KEY: 'service',
    SUPABASE_SECRET_KEYS: '{"default":"sb_secret_a"}',
  });
  deepStrictEqual(env.publishableKeys, []);
  deepStrictEqual(env.secretKeys, ['sb_secret_a']);
});

Deno.test('REDIS_URL is the TCP address at Upstash or the address of a REST server', () => {
  const redis = (REDIS_URL: string, more = {}) => parseEnv({ ...LEAST, ...more, REDIS_URL }).redis;
  deepStrictEqual(redis('rediss://default:to%2Bken@apt-wren-4.upstash.io:6379'), {
    url: 'https://apt-wren-4.upstash.io',
    token: 'to+ken',
  });
  deepStrictEqual(redis('http://:token@gateway:54324'), {
    url: 'http://gateway:54324',
    token: 'token',
  });
  deepStrictEqual(
    redis('redis://redis:6379', {
      UPSTASH_REDIS_REST_URL: 'http://gateway:54324',
      UPSTASH_REDIS_REST_TOKEN: 'own',
    }),
    { url: 'http://gateway:54324', token: 'own' },
  );
});

Deno.test('a REDIS_URL that the functions cannot call is an error without the value', () => {
  for (const host of [
    'redis://:hidden@redis:6379',
    'rediss://default:hidden@evil.example:1',
    'hidden',
  ]) {
    throws(
      () => parseEnv({ ...LEAST, REDIS_URL: host }),
      (error: Error) =>
        /REDIS_URL: must be/.test(error.message) && !error.message.includes('hidden'),
    );
  }
  throws(
    () => parseEnv({ REDIS_URL: 'redis://redis:6379' }),
    (error: Error) => /REDIS_URL[\s\S]*SUPABASE_URL/.test(error.message),
  );
});

Deno.test('the process listens on loopback unless STEPBASE_HOST names another address', () => {
  strictEqual(parseEnv(LEAST).host, '127.0.0.1');
  strictEqual(parseEnv({ ...LEAST, STEPBASE_HOST: '0.0.0.0' }).host, '0.0.0.0');
});
