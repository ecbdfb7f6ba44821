// `--gateway`: what the container's environment must provide, and what follows from it.

import { describe, expect, test } from 'vitest';
import { optionsFromArguments, resolveOptions } from '../../scripts/stack/options.ts';
import { portsNeeded } from '../../scripts/stack/ports.ts';

const KEYS = {
  POSTGRES_PASSWORD: 'password of the database',
  STEPBASE_DB_PASSWORD: 'password of the functions',
  SUPABASE_PUBLISHABLE_KEY: `sb_publishable_${'a'.repeat(22)}`,
  SUPABASE_SECRET_KEY: `sb_secret_${'b'.repeat(22)}`,
  JWT_SECRET: 'c'.repeat(40),
  UPSTASH_REDIS_REST_TOKEN: 'd'.repeat(32),
};
const LEAST = { ...KEYS, DATABASE_URL: 'postgres://supabase_admin:x@postgres:5432/postgres' };
const gateway = (env: Record<string, string>) =>
  resolveOptions(optionsFromArguments(['--gateway'], env));

describe('the gateway alone', () => {
  test('listens on every address, runs neither functions nor web, and uses the given keys', () => {
    const config = gateway(LEAST);
    expect(config).toMatchObject({
      host: '0.0.0.0',
      functions: false,
      web: false,
      seed: true,
      databaseUrl: LEAST.DATABASE_URL,
      workerPassword: KEYS.STEPBASE_DB_PASSWORD,
      functionAddresses: {},
      keys: {
        publishableKey: KEYS.SUPABASE_PUBLISHABLE_KEY,
        secretKey: KEYS.SUPABASE_SECRET_KEY,
        jwtSecret: KEYS.JWT_SECRET,
        redisToken: KEYS.UPSTASH_REDIS_REST_TOKEN,
        servicePassword: KEYS.POSTGRES_PASSWORD,
      },
    });
    expect(portsNeeded(config)).toEqual(['gateway', 'redis']);
  });

  test('knows its address outside the container and the functions beside it', () => {
    const config = gateway({
      ...LEAST,
      SUPABASE_PUBLIC_URL: 'http://localhost:54321/',
      SITE_URL: 'http://localhost:8080',
      REDIS_URL: 'redis://redis:6379',
      STEPBASE_API_ADDRESS: 'http://api:8000/',
      STEPBASE_WORKER_ADDRESS: 'http://worker:8000',
      STEPBASE_SEED: 'false',
    });
    expect(config).toMatchObject({
      apiUrl: 'http://localhost:54321',
      webUrl: 'http://localhost:8080',
      redisBackend: 'redis://redis:6379',
      functionAddresses: { api: 'http://api:8000', worker: 'http://worker:8000' },
      seed: false,
    });
  });

  test('needs the database and every key, and names what is missing or wrong without its value', () => {
    for (const name of Object.keys(LEAST)) {
      expect(() => gateway({ ...LEAST, [name]: '' }), name).toThrow(`  ${name}: `);
    }
    expect(() => gateway({ ...LEAST, JWT_SECRET: 'too short' })).toThrow(
      /JWT_SECRET: (?!.*too short)/,
    );
    expect(() => gateway({ ...LEAST, STEPBASE_API_ADDRESS: 'api:8000' })).toThrow(
      'STEPBASE_API_ADDRESS',
    );
  });
});

test('without --gateway the environment of a container changes nothing', () => {
  const config = resolveOptions(optionsFromArguments([], LEAST));
  expect(config).toMatchObject({ host: '127.0.0.1', functions: true, web: true, keys: {} });
  expect(config.functionAddresses).toEqual({
    api: 'http://127.0.0.1:54325',
    worker: 'http://127.0.0.1:54326',
  });
  expect(portsNeeded(config)).toContain('worker');
});
