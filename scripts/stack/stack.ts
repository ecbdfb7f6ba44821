// The supervisor: starts every service of the embedded Supabase in order, writes stack.json when all respond, and
// stops them in reverse order.

import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { addLife } from '../world/life.ts';
import { startWorld, type World, type WorldInfo } from '../world/world.ts';
import { startAuth } from './auth.ts';
import { loadProjectConfig } from './config-toml.ts';
import { type Cron, startCron } from './cron.ts';
import { startDatabase } from './database.ts';
import { FUNCTIONS, FunctionProcess, functionUrl, slugOf } from './functions.ts';
import { functionEnvironment, writeEnvFile } from './functions-env.ts';
import { startGateway } from './gateway.ts';
import { Gatekeeper } from './identity.ts';
import { loadKeys } from './keys.ts';
import { lockDataDir } from './lock.ts';
import { startMailCatcher } from './mail/catcher.ts';
import { DEFAULT_SENDER } from './mail/settings.ts';
import {
  assertMayDelete,
  resolveOptions,
  type StackConfig,
  StackError,
  type StackOptions,
} from './options.ts';
import { assertPortsFree, portsNeeded } from './ports.ts';
import { clusterFolder } from './postgres/cluster.ts';
import { withoutTls } from './postgres/connection.ts';
import { MessageRate } from './realtime/message-rate.ts';
import { startRealtime } from './realtime/server.ts';
import { startRest } from './rest.ts';
import { SEED_USERS } from './seed-users.ts';
import { openStorage } from './storage.ts';
import { readPolicy } from './storage-policies.ts';
import { startUpstash } from './upstash/server.ts';
import { buildWeb, startWeb, webExists } from './web.ts';

/** The content of stack.json: all data that a tool or a test needs to reach the stack. */
export interface StackInfo {
  api_url: string;
  /** The address of Stepbase's own HTTP API. */
  http_api_url: string;
  /** The schema for clients: createClient(url, key, { db: { schema } }). */
  schema: 'stepbase';
  db_url: string;
  redis_url: string;
  redis_token: string;
  web_url: string;
  /** The page of the caught mails, and their JSON API below it; null where mails are sent elsewhere. */
  mail_url: string | null;
  /** The services that the sample data calls; null where the stack does not serve them. */
  world: WorldInfo | null;
  publishable_key: string;
  secret_key: string;
  functions: { api: string; worker: string };
  users: Array<{ email: string; password: string; app_code: string; role: string }>;
  data_dir: string;
  pid: number;
}

export interface Stack {
  info: StackInfo;
  /** The path of stack.json. */
  infoPath: string;
  functions: { api: FunctionProcess; worker: FunctionProcess } | undefined;
  cron: Cron;
  /** The services that the sample data calls. */
  world: World | undefined;
  /** The duration of each phase of the start, in milliseconds. */
  timings: Record<string, number>;
  /** Resolves with the reason when the stack cannot continue; not when it was stopped. */
  died: Promise<string>;
  stop(): Promise<void>;
}

type Service = { name: string; stop: () => Promise<void> | void };

export async function startStack(
  options: StackOptions = {},
  say: (message: string) => void = () => undefined,
): Promise<Stack> {
  const config = resolveOptions(options);
  if (config.reset) assertMayDelete(config.dataDir);
  const release = lockDataDir(config.dataDir);
  const services: Service[] = [{ name: 'lock', stop: release }];
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= stopAll(services, say);
    return stopping;
  };
  // While the stack stops, services report that others are unreachable; these messages are ignored.
  const sayWhileUp = (message: string) => {
    if (!stopping) say(message);
  };
  try {
    const stack = await startServices(config, services, stop, sayWhileUp);
    const died = new Promise<string>((resolve) => {
      void stack.died.then((reason) => {
        if (!stopping) resolve(reason);
      });
    });
    return { ...stack, died };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Longer than the grace time of any service. */
const STOP_DEADLINE_MS = 20_000;

/** Stops the services in reverse order; one that fails to stop, or does not stop, does not keep another one running. */
async function stopAll(services: Service[], say: (message: string) => void): Promise<void> {
  for (const service of services.reverse()) {
    const late = new AbortController();
    try {
      await Promise.race([
        service.stop(),
        sleep(STOP_DEADLINE_MS, undefined, { signal: late.signal }).then(() => {
          throw new StackError(`it did not stop within ${STOP_DEADLINE_MS / 1000} s`);
        }),
      ]);
    } catch (error) {
      say(`stopping ${service.name}: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      late.abort();
    }
  }
}

async function reset(dataDir: string): Promise<void> {
  await rm(clusterFolder(dataDir), { recursive: true, force: true });
  for (const name of ['keys.json', 'migrations.json', 'seeded', 'world', 'stack.json', 'logs']) {
    await rm(join(dataDir, name), { recursive: true, force: true });
  }
}

async function startServices(
  config: StackConfig,
  services: Service[],
  stop: () => Promise<void>,
  say: (message: string) => void,
): Promise<Stack> {
  const { ports, dataDir, apiUrl } = config;
  const timings: Record<string, number> = {};
  const timed = async <T>(name: string, work: Promise<T>): Promise<T> => {
    const started = performance.now();
    const result = await work;
    timings[name] = Math.round(performance.now() - started);
    return result;
  };
  const started = performance.now();
  const infoPath = join(dataDir, 'stack.json');
  const envFile = join(dataDir, 'worker.env');

  if (config.reset) await reset(dataDir);
  for (const file of [infoPath, envFile]) await rm(file, { force: true });
  await assertPortsFree(ports, portsNeeded(config));
  const logs = join(dataDir, 'logs');
  await mkdir(logs, { recursive: true });
  // An earlier version left the folder open.
  await chmod(logs, 0o700);
  const keys = await loadKeys(dataDir, config.keys);
  const project = await loadProjectConfig(config.projectFolder);
  const { hook } = project.auth;
  project.auth.email.enable_confirmations =
    config.confirmEmail ?? project.auth.email.enable_confirmations;
  project.auth.email.max_frequency = config.mailSeconds ?? project.auth.email.max_frequency;
  if (config.accessTokenHook) hook.custom_access_token = config.accessTokenHook;
  if (config.passwordHook) hook.password_verification_attempt = config.passwordHook;

  // The web client is built concurrently; a failure is handled when the result is needed.
  const build =
    config.web && webExists()
      ? timed('web build', buildWeb(join(dataDir, 'logs', 'web.log')))
      : undefined;
  build?.catch(() => undefined);
  // Loading the Data API's code overlaps with the start of PostgreSQL.
  void import('@supabase/lite').catch(() => undefined);

  const database = await timed('database', startDatabase(config, keys));
  services.push({ name: 'postgres', stop: () => database.stop() });

  const gatekeeper = new Gatekeeper(keys);
  const upstash = await startUpstash({
    port: ports.redis,
    host: config.host,
    token: keys.redisToken,
    ...(config.redisBackend ? { redisUrl: config.redisBackend } : {}),
    log: (message) => say(`upstash: ${message}`),
  });
  services.push({ name: 'upstash', stop: () => upstash.stop() });

  const catcher = config.mail ? await startMailCatcher(ports.smtp, say) : undefined;
  if (catcher) services.push({ name: 'mail', stop: () => catcher.stop() });

  const world = config.world
    ? await startWorld({ port: ports.world, latencyMs: config.worldLatencyMs })
    : undefined;
  if (world) services.push({ name: 'world', stop: () => world.stop() });
  const lively =
    world && config.seed
      ? timed('world', addLife(database.url, dataDir, world.info)).catch((error: Error) =>
          say(`The sample runs are missing: ${error.message}`),
        )
      : undefined;

  const functionsEnv = functionEnvironment(config, keys, database.url, catcher?.url, world?.info);
  const functions = config.functions
    ? {
        api: new FunctionProcess({
          name: 'api',
          port: ports.api,
          env: functionsEnv,
          dataDir,
          logLevel: config.logLevel,
          say,
        }),
        worker: new FunctionProcess({
          name: 'worker',
          port: ports.worker,
          env: functionsEnv,
          dataDir,
          logLevel: config.logLevel,
          say,
        }),
      }
    : undefined;
  if (functions) {
    services.push({
      name: 'functions',
      stop: async () => {
        await Promise.all([functions.api.stop(), functions.worker.stop()]);
      },
    });
  }
  const functionsReady = functions
    ? timed('functions', Promise.all([functions.api.start(), functions.worker.start()]))
    : undefined;
  functionsReady?.catch(() => undefined);

  const realtime = await timed(
    'realtime',
    startRealtime({
      dbUrl: database.url,
      jwtSecret: keys.jwtSecret,
      publishableKey: keys.publishableKey,
      secretKey: keys.secretKey,
      rate: config.realtimeRate === undefined ? undefined : new MessageRate(config.realtimeRate),
      log: (message) => say(`realtime: ${message}`),
    }),
  );
  services.push({ name: 'realtime', stop: () => realtime.stop() });
  const auth = await timed(
    'auth',
    startAuth({
      dbUrl: database.urlAs('supabase_auth_admin'),
      apiUrl,
      webUrl: config.webUrl,
      keys,
      gatekeeper,
      project,
      mailServer: config.mailServer ?? (catcher && { url: catcher.url, from: DEFAULT_SENDER }),
      onError: say,
    }),
  );
  services.push({ name: 'auth', stop: () => auth.stop() });
  const rest = await timed(
    'rest',
    startRest({
      dbUrl: database.urlAs('authenticator'),
      introspectionUrl: database.url,
      project,
      gatekeeper,
      onError: say,
    }),
  );
  services.push({ name: 'rest', stop: () => rest.stop() });

  const gateway = await startGateway({
    port: ports.gateway,
    host: config.host,
    apiUrl,
    auth,
    rest,
    realtime,
    storage: await openStorage(dataDir, gatekeeper, readPolicy(database.urlAs('authenticator'))),
    gatekeeper,
    project,
    mail: catcher,
    functionAddress: (slug) => {
      const name = FUNCTIONS.find((known) => slugOf(known) === slug);
      return name && config.functionAddresses[name];
    },
    onError: say,
  });
  services.push({ name: 'gateway', stop: () => gateway.stop() });

  await functionsReady;
  await lively;
  if (build) {
    const web = await startWeb({
      port: ports.web,
      folder: await build,
      apiUrl,
      publishableKey: keys.publishableKey,
    });
    services.push({ name: 'web', stop: () => web.stop() });
  }
  const cron = startCron(database.url, say);
  services.push({ name: 'cron', stop: () => cron.stop() });

  const info: StackInfo = {
    api_url: apiUrl,
    http_api_url: `${apiUrl}/functions/v1/${slugOf('api')}`,
    schema: 'stepbase',
    db_url: withoutTls(database.url),
    redis_url: config.redisUrl,
    redis_token: keys.redisToken,
    web_url: config.webUrl,
    mail_url: catcher ? `${apiUrl}/mail` : null,
    world: world?.info ?? null,
    publishable_key: keys.publishableKey,
    secret_key: keys.secretKey,
    functions: { api: functionUrl(config, 'api'), worker: functionUrl(config, 'worker') },
    users: SEED_USERS.map(({ email, password, app_code, role }) => ({
      email,
      password,
      app_code,
      role,
    })),
    data_dir: dataDir,
    pid: process.pid,
  };
  await writeEnvFile(envFile, functionsEnv);
  services.push({ name: 'worker.env', stop: () => rm(envFile, { force: true }) });
  // Written to another name and renamed, so that a reader never gets a partial file.
  await writeFile(`${infoPath}.tmp`, `${JSON.stringify(info, null, 2)}\n`, { mode: 0o600 });
  await rename(`${infoPath}.tmp`, infoPath);
  services.push({ name: 'stack.json', stop: () => rm(infoPath, { force: true }) });
  timings.total = Math.round(performance.now() - started);
  const died = database.exited.then(() => `PostgreSQL ended; see ${join(dataDir, 'logs')}`);
  return { info, infoPath, functions, cron, world, timings, died, stop };
}
