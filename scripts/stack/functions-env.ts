// The environment of the functions in the embedded stack: the variables that a hosted project injects, and those that
// the user has set.

import type { StackKeys } from './keys.ts';
import type { StackConfig } from './options.ts';

/** Names that are passed on from the environment of the stack itself. */
const PASSED_ON = /^(OPENAI_|SMTP_|RESEND_|STEPBASE_|LOG_LEVEL$)/;

export function functionEnvironment(
  config: StackConfig,
  keys: StackKeys,
  databaseUrl: string,
): Record<string, string> {
  const own: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && value !== '' && PASSED_ON.test(name)) own[name] = value;
  }
  return {
    STEPBASE_WORKER_MODE: 'resident',
    // The fake shops and model servers of demos and tests listen on loopback.
    STEPBASE_ALLOW_PRIVATE_NETWORK: 'true',
    STEPBASE_DB_DIRECT: 'true',
    STEPBASE_DB_POOL: '10',
    ...own,
    DATABASE_URL: databaseUrl,
    SUPABASE_URL: config.apiUrl,
    SUPABASE_PUBLISHABLE_KEY: keys.publishableKey,
    SUPABASE_SECRET_KEY: keys.secretKey,
    JWT_SECRET: keys.jwtSecret,
    UPSTASH_REDIS_REST_URL: config.redisUrl,
    UPSTASH_REDIS_REST_TOKEN: keys.redisToken,
    ...config.functionsEnv,
  };
}
