// The environment of the functions in the embedded stack: the variables that a hosted project injects, and those that
// the user has set.

import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import pg from 'pg';
import { modelEnvironment, type WorldInfo } from '../world/world.ts';
import type { StackKeys } from './keys.ts';
import { DEFAULT_SENDER } from './mail/settings.ts';
import type { StackConfig } from './options.ts';
import { asRole, withClient } from './postgres/connection.ts';

/** Names that are passed on from the environment of the stack itself. */
const PASSED_ON = /^(OPENAI_|OTEL_|SMTP_|RESEND_|STEPBASE_|LOG_LEVEL$)/;

const WORKER_ROLE = 'stepbase_worker';

/**
 * The same database as role stepbase_worker. Without a given password it follows from that of the login, because the
 * role belongs to the server, which several stacks may share.
 */
export function workerUrl(databaseUrl: string, password?: string): string {
  const login = new URL(databaseUrl);
  if (login.username === WORKER_ROLE) return databaseUrl;
  if (password !== undefined) return asRole(databaseUrl, WORKER_ROLE, password);
  const secret = createHash('sha256').update(`${WORKER_ROLE} ${login.username} ${login.password}`);
  return asRole(databaseUrl, WORKER_ROLE, secret.digest('base64url'));
}

/** Allows the role stepbase_worker to log in; `adminUrl`: as the superuser, `databaseUrl`: as postgres. */
export async function allowWorkerLogin(
  adminUrl: string,
  databaseUrl: string,
  given?: string,
): Promise<void> {
  const url = workerUrl(databaseUrl, given);
  const isAllowed = await withClient(url, async () => true).catch(() => false);
  if (isAllowed) return;
  const password = pg.escapeLiteral(decodeURIComponent(new URL(url).password));
  await withClient(adminUrl, (client) =>
    client.query(`alter role ${WORKER_ROLE} login password ${password}`),
  );
}

/**
 * The functions connect as stepbase_worker, not with the login of `databaseUrl`. `catcherUrl`: of the mail catcher.
 * `world`: the sample services, whose model is used unless the user has set another one.
 */
export function functionEnvironment(
  config: StackConfig,
  keys: StackKeys,
  databaseUrl: string,
  catcherUrl?: string,
  world?: WorldInfo,
): Record<string, string> {
  const own: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && value !== '' && PASSED_ON.test(name)) own[name] = value;
  }
  // A mail server that the user has set gets the mails instead.
  const isCaught = catcherUrl && !own.SMTP_URL && !own.RESEND_API_KEY;
  const hasOwnModel = own.OPENAI_API_KEY || own.OPENAI_BASE_URL;
  return {
    ...(world && !hasOwnModel ? modelEnvironment(world) : {}),
    SMTP_FROM: DEFAULT_SENDER,
    ...(isCaught ? { SMTP_URL: catcherUrl } : {}),
    STEPBASE_WEB_URL: config.webUrl,
    STEPBASE_WORKER_MODE: 'resident',
    // The sample services and those of tests listen on loopback.
    STEPBASE_ALLOW_PRIVATE_NETWORK: 'true',
    STEPBASE_DB_DIRECT: 'true',
    STEPBASE_DB_POOL: '10',
    ...own,
    DATABASE_URL: workerUrl(databaseUrl, config.workerPassword),
    SUPABASE_URL: config.apiUrl,
    SUPABASE_PUBLISHABLE_KEY: keys.publishableKey,
    SUPABASE_SECRET_KEY: keys.secretKey,
    JWT_SECRET: keys.jwtSecret,
    UPSTASH_REDIS_REST_URL: config.redisUrl,
    UPSTASH_REDIS_REST_TOKEN: keys.redisToken,
    ...config.functionsEnv,
  };
}

/** Node's parser of such files knows no escapes: the quotes are those that the value does not have. */
function quoted(value: string): string {
  const quote = ["'", '"', '`'].find((mark) => !value.includes(mark)) ?? "'";
  return `${quote}${value}${quote}`;
}

/** For processes outside the stack that do the work of its worker, such as a compiled workflow: `node --env-file`. */
export async function writeEnvFile(file: string, variables: Record<string, string>): Promise<void> {
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${quoted(value)}\n`);
  await writeFile(file, lines.join(''), { mode: 0o600 });
}
