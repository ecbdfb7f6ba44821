// `scripts/start.ts --gateway`: the gateway's services (Auth, Data API, Realtime, Redis over HTTP) in a container. The
// database, Redis, the functions and the web client run beside it. The environment provides every key and address.

import { z } from 'zod';
import { mailServer } from './mail/settings.ts';
import type { StackOptions } from './options.ts';
import { StackError } from './stack-error.ts';

const httpAddress = z
  .url({ protocol: /^http$/ })
  .transform((address) => new URL(address).origin)
  .optional();
const origin = z
  .url({ protocol: /^https?$/ })
  .transform((address) => new URL(address).origin)
  .optional();

const schema = z.object({
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }),
  POSTGRES_PASSWORD: z.string().min(1),
  /** Of the role stepbase_worker: the functions beside the gateway log in with it. */
  STEPBASE_DB_PASSWORD: z.string().min(1),
  REDIS_URL: z.url({ protocol: /^rediss?$/ }).optional(),
  SUPABASE_PUBLISHABLE_KEY: z.string().min(20),
  SUPABASE_SECRET_KEY: z.string().min(20),
  JWT_SECRET: z.string().min(32),
  UPSTASH_REDIS_REST_TOKEN: z.string().min(16),
  SUPABASE_PUBLIC_URL: origin,
  SITE_URL: origin,
  PORT: z.coerce.number().int().optional(),
  STEPBASE_API_ADDRESS: httpAddress,
  STEPBASE_WORKER_ADDRESS: httpAddress,
  SMTP_URL: z.url({ protocol: /^smtps?$/ }).optional(),
  SMTP_FROM: z.string().optional(),
  STEPBASE_SEED: z.stringbool().default(true),
});

/** The variables that the gateway reads. */
export const GATEWAY_VARIABLES = Object.keys(schema.shape);

export type GatewayEnv = Record<string, string | undefined>;

/** Throws one error that lists every variable at fault, without its value. An empty value counts as not set. */
export function gatewayOptions(env: GatewayEnv): StackOptions {
  const given = Object.entries(env).filter(([, value]) => value !== undefined && value !== '');
  const parsed = schema.safeParse(Object.fromEntries(given));
  if (!parsed.success) {
    const faults = parsed.error.issues.map(
      ({ path, message }) => `  ${path.join('.')}: ${message}`,
    );
    throw new StackError(`The environment of the gateway is not valid:\n${faults.join('\n')}`);
  }
  const { data } = parsed;
  const server = mailServer(data);
  return {
    host: '0.0.0.0',
    ...(data.PORT === undefined ? {} : { port: data.PORT }),
    functions: false,
    web: false,
    // Its port is open to other machines, which must not read mails.
    mail: false,
    ...(server === undefined ? {} : { mailServer: server }),
    seed: data.STEPBASE_SEED,
    databaseUrl: data.DATABASE_URL,
    workerPassword: data.STEPBASE_DB_PASSWORD,
    ...(data.REDIS_URL === undefined ? {} : { redisUrl: data.REDIS_URL }),
    ...(data.SUPABASE_PUBLIC_URL === undefined ? {} : { publicUrl: data.SUPABASE_PUBLIC_URL }),
    ...(data.SITE_URL === undefined ? {} : { siteUrl: data.SITE_URL }),
    functionAddresses: {
      ...(data.STEPBASE_API_ADDRESS === undefined ? {} : { api: data.STEPBASE_API_ADDRESS }),
      ...(data.STEPBASE_WORKER_ADDRESS === undefined
        ? {}
        : { worker: data.STEPBASE_WORKER_ADDRESS }),
    },
    keys: {
      publishableKey: data.SUPABASE_PUBLISHABLE_KEY,
      secretKey: data.SUPABASE_SECRET_KEY,
      jwtSecret: data.JWT_SECRET,
      redisToken: data.UPSTASH_REDIS_REST_TOKEN,
      servicePassword: data.POSTGRES_PASSWORD,
    },
  };
}
