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
