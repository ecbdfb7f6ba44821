// The options of a stack, and the ports, folders and addresses that follow from them.

import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gatewayOptions } from './gateway-options.ts';
import type { StackKeys } from './keys.ts';
import { type MailServer, mailServer } from './mail/settings.ts';
import { StackError } from './stack-error.ts';

export { StackError } from './stack-error.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
export const DEFAULT_PORT = 54321;
export const DEFAULT_DATA_DIR = '.stepbase';
/** A person can watch a run. */
const WORLD_LATENCY_MS = 300;

export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug';

export interface StackOptions {
  /** The gateway's port; the other ports follow it. Default 54321. */
  port?: number;
  /** The folder for all persistent data. Default `.stepbase`. */
  dataDir?: string;
  /** Deletes the data first. */
  reset?: boolean;
  /** Runs functions/api and functions/worker. Default true. */
  functions?: boolean;
  /** Serves the web client. Default true. */
  web?: boolean;
  /** Catches all mail and shows it at /mail on the gateway. Default true. */
  mail?: boolean;
  /** Serves the services that the sample data calls, and adds sample runs. Default false; `npm start`: true. */
  world?: boolean;
  /** How long these services take to answer, in milliseconds. Default 300. */
  worldLatencyMs?: number;
  /** Auth confirms an address by mail before the first sign-in, instead of the setting in supabase/config.toml. */
  confirmEmail?: boolean;
  /** Seconds between two mails of Auth to one user, instead of `max_frequency` in supabase/config.toml; 0: no limit. */
  mailSeconds?: number;
  /** The mail server of Auth, if the stack does not catch its mail. Default: env SMTP_URL and SMTP_FROM. */
  mailServer?: MailServer;
  /** Runs supabase/seed.sql on a database that has not been seeded. Default true. */
  seed?: boolean;
  /** An existing PostgreSQL (superuser) instead of the embedded one. Default: env DATABASE_URL. */
  databaseUrl?: string;
  /** The password of role stepbase_worker. Default: derived from the login of the database. */
  workerPassword?: string;
  /** The address that the gateway and the Redis interface listen on. Default 127.0.0.1. */
  host?: string;
  /** The address of the gateway for clients and in tokens. Default http://127.0.0.1:<port>. */
  publicUrl?: string;
  /** The address of the web client, if the stack does not serve it. */
  siteUrl?: string;
  /** Functions that run elsewhere: the gateway forwards their requests there. */
  functionAddresses?: Partial<FunctionAddresses>;
  /** Keys that the operator provides; the others are made once and kept in the data directory. */
  keys?: Partial<StackKeys>;
  /** A real Redis behind the Upstash REST protocol. Default: env REDIS_URL. */
  redisUrl?: string;
  /** Messages of Realtime in a second, as hosted plans limit them. Default: env STEPBASE_REALTIME_RATE, or no limit. */
  realtimeRate?: number;
  /** Additional environment variables for the functions. */
  functionsEnv?: Record<string, string>;
  /** Prepares the database before Stepbase's migrations are applied, for example with an existing project. */
  beforeMigrations?: (databaseUrl: string) => Promise<void>;
  /** The folder whose supabase/config.toml and migrations are used. Default: this repository. */
  projectFolder?: string;
  /** The project's own access-token hook, instead of the one in supabase/config.toml. */
  accessTokenHook?: { schema: string; name: string };
  /** The password-verification hook, which supabase/config.toml disables. */
  passwordHook?: { schema: string; name: string };
  /** The level from which output of the services reaches the console. Default warn. */
  logLevel?: LogLevel;
}

export interface FunctionAddresses {
  api: string;
  worker: string;
}

export interface Ports {
  gateway: number;
  postgres: number;
  web: number;
  redis: number;
  api: number;
  worker: number;
  smtp: number;
  world: number;
}

/** The names of the ports, in the order of their numbers. */
export const PORT_NAMES = [
  'gateway',
  'postgres',
  'web',
  'redis',
  'api',
  'worker',
  'smtp',
  'world',
] as const;

export interface StackConfig {
  ports: Ports;
  host: string;
  dataDir: string;
  keys: Partial<StackKeys>;
  functionAddresses: Partial<FunctionAddresses>;
  apiUrl: string;
  webUrl: string;
  redisUrl: string;
  functions: boolean;
  web: boolean;
  mail: boolean;
  world: boolean;
  worldLatencyMs: number;
  confirmEmail: boolean | undefined;
  mailSeconds: number | undefined;
  mailServer: MailServer | undefined;
  seed: boolean;
  reset: boolean;
  databaseUrl: string | undefined;
  workerPassword: string | undefined;
  redisBackend: string | undefined;
  realtimeRate: number | undefined;
  functionsEnv: Record<string, string>;
  beforeMigrations: ((databaseUrl: string) => Promise<void>) | undefined;
  projectFolder: string;
  accessTokenHook: { schema: string; name: string } | undefined;
  passwordHook: { schema: string; name: string } | undefined;
  logLevel: LogLevel;
}

export function portsFrom(first: number): Ports {
  return {
    gateway: first,
    postgres: first + 1,
    web: first + 2,
    redis: first + 3,
    api: first + 4,
    worker: first + 5,
    smtp: first + 6,
    world: first + 7,
  };
}

export function resolveOptions(options: StackOptions): StackConfig {
  const port = options.port ?? DEFAULT_PORT;
  if (!Number.isInteger(port) || port < 1024 || port > 65528) {
    throw new StackError(`--port must be a whole number from 1024 to 65528, not ${port}`);
  }
  const dataDir = options.dataDir ?? DEFAULT_DATA_DIR;
  const ports = portsFrom(port);
  const functions = options.functions ?? true;
  const own = (name: 'api' | 'worker') => `http://127.0.0.1:${ports[name]}`;
  return {
    ports,
    host: options.host ?? '127.0.0.1',
    keys: options.keys ?? {},
    functionAddresses: functions
      ? { api: own('api'), worker: own('worker') }
      : (options.functionAddresses ?? {}),
    dataDir: isAbsolute(dataDir) ? dataDir : resolve(ROOT, dataDir),
    apiUrl: options.publicUrl ?? `http://127.0.0.1:${ports.gateway}`,
    webUrl: options.siteUrl ?? `http://127.0.0.1:${ports.web}`,
    redisUrl: `http://127.0.0.1:${ports.redis}`,
    functions,
    web: options.web ?? true,
    mail: options.mail ?? true,
    world: options.world ?? false,
    worldLatencyMs: options.worldLatencyMs ?? WORLD_LATENCY_MS,
    confirmEmail: options.confirmEmail,
    mailSeconds: options.mailSeconds,
    mailServer: options.mailServer ?? mailServer(process.env),
    seed: options.seed ?? true,
    reset: options.reset ?? false,
    databaseUrl: options.databaseUrl ?? (process.env.DATABASE_URL || undefined),
    workerPassword: options.workerPassword,
    redisBackend: options.redisUrl ?? (process.env.REDIS_URL || undefined),
    realtimeRate: options.realtimeRate ?? realtimeRate(process.env.STEPBASE_REALTIME_RATE),
    functionsEnv: options.functionsEnv ?? {},
    beforeMigrations: options.beforeMigrations,
    projectFolder: options.projectFolder ?? ROOT,
    accessTokenHook: options.accessTokenHook,
    passwordHook: options.passwordHook,
    logLevel: options.logLevel ?? 'warn',
  };
}

function realtimeRate(text: string | undefined): number | undefined {
  if (!text) return undefined;
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new StackError(`STEPBASE_REALTIME_RATE must be a whole number from 1, not ${text}`);
}

/** `--port N --data DIR --reset --no-world` as `npm start -- …` passes them; `--gateway` in a container. */
export function optionsFromArguments(
  args: string[],
  env: Record<string, string | undefined> = process.env,
): StackOptions {
  let values: {
    port?: string;
    data?: string;
    reset?: boolean;
    gateway?: boolean;
    'no-world'?: boolean;
    verbose?: boolean;
  };
  try {
    ({ values } = parseArgs({
      args,
      options: {
        port: { type: 'string' },
        data: { type: 'string' },
        reset: { type: 'boolean' },
        gateway: { type: 'boolean' },
        'no-world': { type: 'boolean' },
        verbose: { type: 'boolean' },
      },
    }));
  } catch (error) {
    throw new StackError(
      `${(error as Error).message} (known: --port N, --data DIR, --reset, --no-world, --gateway)`,
    );
  }
  const options: StackOptions = {
    ...(values.gateway ? gatewayOptions(env) : { world: !values['no-world'] }),
    logLevel: values.verbose ? 'debug' : 'warn',
  };
  if (values.port !== undefined) options.port = Number(values.port);
  if (values.data !== undefined) options.dataDir = resolve(process.cwd(), values.data);
  if (values.reset) options.reset = true;
  return options;
}

/** A reset deletes only an empty folder or the data of a stack, never a home folder or the checkout. */
export function assertMayDelete(dataDir: string): void {
  if ([ROOT, homedir(), '/'].includes(dataDir) || ROOT.startsWith(`${dataDir}/`)) {
    throw new StackError(`--reset will not delete ${dataDir}: use a separate folder for the stack`);
  }
  if (existsSync(dataDir) && !existsSync(resolve(dataDir, 'keys.json'))) {
    throw new StackError(`--reset will not delete ${dataDir}: it contains no stack (no keys.json)`);
  }
}
