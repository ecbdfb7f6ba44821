// Where the mails of a stack go: to the catcher, unless the environment names a mail server.

import { afterEach, expect, test } from 'vitest';
import { functionEnvironment } from '../../scripts/stack/functions-env.ts';
import { optionsFromArguments, resolveOptions } from '../../scripts/stack/options.ts';
import { portsNeeded } from '../../scripts/stack/ports.ts';

const CATCHER = 'smtp://127.0.0.1:54327';
const KEYS = {
  publishableKey: 'p',
  secretKey: 's',
  jwtSecret: 'j',
  redisToken: 'r',
  servicePassword: 'x',
};
const NAMES = ['SMTP_URL', 'SMTP_FROM', 'RESEND_API_KEY'] as const;
const given = Object.fromEntries(NAMES.map((name) => [name, process.env[name]]));

function set(values: Partial<Record<(typeof NAMES)[number], string>>): void {
  for (const name of NAMES) {
    const value = values[name];
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}
afterEach(() => set(given));

const environment = (catcher: string | undefined) =>
  functionEnvironment(resolveOptions({}), KEYS, 'postgres://a:b@127.0.0.1:1/postgres', catcher);

test('the functions send to the catcher, with a sender and the address of the web client', () => {
  set({});
  expect(environment(CATCHER)).toMatchObject({
    SMTP_URL: CATCHER,
    SMTP_FROM: 'Stepbase <stepbase@localhost>',
    STEPBASE_WEB_URL: 'http://127.0.0.1:54323',
  });
  expect(environment(undefined)).not.toHaveProperty('SMTP_URL');
});

test('a mail server or a mail API of the environment gets the mails instead', () => {
  set({ SMTP_URL: 'smtp://mail.example:25', SMTP_FROM: 'Shop <a@shop.example>' });
  expect(environment(CATCHER)).toMatchObject({
    SMTP_URL: 'smtp://mail.example:25',
    SMTP_FROM: 'Shop <a@shop.example>',
  });
  expect(resolveOptions({}).mailServer).toEqual({
    url: 'smtp://mail.example:25',
    from: 'Shop <a@shop.example>',
  });
  set({ RESEND_API_KEY: 're_1' });
  expect(environment(CATCHER)).not.toHaveProperty('SMTP_URL');
});

test('a container catches no mail; its Auth sends to the mail server of its environment', () => {
  set({});
  const env = {
    DATABASE_URL: 'postgres://supabase_admin:x@postgres:5432/postgres',
    POSTGRES_PASSWORD: 'p',
    STEPBASE_DB_PASSWORD: 'p',
    SUPABASE_PUBLISHABLE_KEY: 'k'.repeat(30),
    SUPABASE_SECRET_KEY: 'k'.repeat(30),
    JWT_SECRET: 'k'.repeat(40),
    UPSTASH_REDIS_REST_TOKEN: 'k'.repeat(30),
  };
  const config = resolveOptions(optionsFromArguments(['--gateway'], env));
  expect(config.mail).toBe(false);
  expect(config.mailServer).toBeUndefined();
  expect(portsNeeded(config)).not.toContain('smtp');
  const url = 'smtps://mail.example:465';
  const mailing = optionsFromArguments(['--gateway'], { ...env, SMTP_URL: url });
  expect(resolveOptions(mailing).mailServer).toEqual({
    url,
    from: 'Stepbase <stepbase@localhost>',
  });
});
