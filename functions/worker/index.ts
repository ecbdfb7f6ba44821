// The function `worker`: advances runs.
// Resident (embedded stack, containers): works until it is stopped. Invocation (a hosted Edge Function, which
// pg_cron with pg_net or the API calls): works until nothing is left or its budget is nearly spent, and
// responds at once where the platform lets it work in the background, otherwise with whether work is left.

import { type Context, Hono } from 'hono';
import { matchesAny } from '../_shared/auth/index.ts';
import { pause, systemClock } from '../_shared/clock/clock.ts';
import { openDb } from '../_shared/db/pool.ts';
import { retry } from '../_shared/db/retry.ts';
import { parseEnv } from '../_shared/env/env.ts';
import { problemResponse } from '../_shared/errors/index.ts';
import { askSchema, createHandshake } from '../_shared/handshake/index.ts';
import { createLog } from '../_shared/log/log.ts';
import { METRICS_TYPE, mayReadMetrics } from '../_shared/metrics/text.ts';
import { openBus, WAKE_CHANNEL } from '../_shared/redis/bus.ts';
import { VERSION } from '../_shared/version.ts';
import { type BlockedTime, measureBlockedTime, startBudget } from './budget.ts';
import { createEngine, type Heartbeat } from './engine/engine.ts';
import { CALL_CONNECTIONS, createFunctionCalls } from './engine/function-calls.ts';
import { lazyQueue, openQueue } from './engine/queue.ts';
import { createHeartbeat } from './heartbeat.ts';
import { createInvocations, type Invocation, withOrderedHeartbeats } from './invocation.ts';
import { type Wakeup, WakeupListener } from './listener.ts';
import { createMailer } from './mails/mailer.ts';
import { Meter } from './meter.ts';
import { createOutputs } from './outputs/outputs.ts';
import { createStoredOutputQueries } from './outputs/queries.ts';
import { createPlans } from './plans.ts';
import { createRunMemory } from './run-memory.ts';
import { createRunNotifier } from './run-notifier.ts';
import { createSchemaGate } from './schema-gate.ts';
import { createSecrets } from './secrets.ts';
import { createWriteStepLogs, StepLogWriter } from './step-logs.ts';
import { createStepServices } from './step-services.ts';
import { createSendStepTexts, StepTextSender } from './step-texts.ts';
import { createStepEnv } from './steps/index.ts';
import { Exporter } from './tracing/exporter.ts';
import { createTracer } from './tracing/tracer.ts';
import { Turns } from './turns.ts';
import { createDeliveryStore } from './webhooks/queries.ts';
import { createSend } from './webhooks/send.ts';
import { createWorker } from './worker.ts';

/** With wake-ups over LISTEN the poll is a safety net; without them it is how the worker finds work. */
const POLL_WITH_LISTEN_MS = 30_000;
const POLL_WITHOUT_LISTEN_MS = 2_000;
const STOP_GRACE_MS = 5_000;
const HEARTBEAT_MS = 1_000;
const FLUSH_MS = 2_000;

const env = parseEnv(Deno.env.toObject());
const clock = systemClock;
const log = createLog({ level: env.logLevel, fields: { function: 'worker' } });
const onError = (message: string, error: unknown) => log.error(message, { error: String(error) });

const db = openDb({
  connectionString: env.database.url,
  ssl: env.database.ssl,
  max: env.database.pool,
  applicationName: 'stepbase-worker',
  direct: env.database.direct,
});
// Opens a connection with the first call of a function.
const functionDb = openDb({
  connectionString: env.database.url,
  ssl: env.database.ssl,
  max: CALL_CONNECTIONS,
  applicationName: 'stepbase-functions',
  direct: env.database.direct,
});
const engine = withOrderedHeartbeats(createEngine(db, clock));
const handshake = createHandshake({
  ask: askSchema(db),
  clock,
  onChange: (refusal, schema) =>
    refusal
      ? log.error('the worker takes no work', { code: refusal.code, error: refusal.message })
      : log.info('the worker fits the schema', { schema_version: schema?.version }),
});
const queue = lazyQueue(() =>
  retry(() => openQueue(db, clock, (error) => onError('pg-boss reported an error', error)), {
    clock,
  }),
);
const bus = openBus(env.redis, log, clock);
const memory = createRunMemory(engine);
const stepEnv = createStepEnv(env.steps);
const mailer = createMailer(stepEnv, env.steps.webUrl);
const storedOutputs = createStoredOutputQueries(db, clock);
const stepLogs = new StepLogWriter({
  write: createWriteStepLogs(db, clock),
  level: env.worker.stepLogs,
  ...{ clock, onError },
});
const stepTexts = new StepTextSender({ send: createSendStepTexts(db), clock, onError });
const exporter = env.tracing && new Exporter({ settings: env.tracing, clock, onError });
const tracer = env.tracing && exporter && createTracer({ settings: env.tracing, exporter, clock });
const meter = new Meter();
let listener: WakeupListener | undefined;

const heartbeat = createHeartbeat({
  mode: env.worker.mode,
  concurrency: env.worker.concurrency,
  leaseSeconds: env.worker.leaseSeconds,
  mail: mailer.isConfigured,
  region: env.worker.region,
  stats: () => worker.stats,
  traces: env.tracing && exporter && { threshold: env.tracing.threshold, stats: exporter.stats },
});

const worker = createWorker({
  clock,
  engine,
  queue,
  memory,
  executor: {
    plans: createPlans(engine, clock),
    memory,
    turns: new Turns({ clock }),
    clock,
    env: stepEnv,
    outputs: createOutputs({
      queries: storedOutputs,
      storage: stepEnv.storage,
      limitBytes: env.worker.outputBytes,
      clock,
    }),
    secretsOf: createSecrets(engine, env.secrets),
    logs: stepLogs,
    texts: stepTexts,
    tracer,
    meter,
    servicesFor: createStepServices(engine, createFunctionCalls(functionDb), () =>
      worker.wake({ kind: 'outbox' }),
    ),
  },
  concurrency: env.worker.concurrency,
  leaseSeconds: env.worker.leaseSeconds,
  heartbeat: () => heartbeat(),
  pollMs: () => (listener?.connected ? POLL_WITH_LISTEN_MS : POLL_WITHOUT_LISTEN_MS),
  cancelPollMs: () => (listener?.connected ? POLL_WITH_LISTEN_MS : env.worker.cancelPollMs),
  notify: createRunNotifier(bus, clock),
  webhooks: { store: createDeliveryStore(db), send: createSend({ env: stepEnv, clock, tracer }) },
  mailer,
  stepLogs,
  stepTexts,
  removal: { queries: storedOutputs, storage: stepEnv.storage },
  onError,
});

const subscription = bus.subscribe(
  WAKE_CHANNEL,
  (message) => {
    const wakeup = message as Wakeup;
    // All other wake-ups arrive sooner, and more exact, over LISTEN.
    if (wakeup.kind === 'cancel' || !listener?.connected) worker.wake(wakeup);
  },
  // A new stream: a message published before it was open is lost.
  () => {
    if (!listener?.connected) worker.wake({ kind: 'everything' });
  },
);

const app = new Hono().basePath('/stepbase-worker');

const isAuthorised = (c: Context) => matchesAny(c.req.header('apikey') ?? '', env.secretKeys);

// The counters show how busy the project is, so they need a secret key.
app.get('/healthz', (c) =>
  c.json({
    status: 'ok',
    version: VERSION,
    ...(isAuthorised(c) ? { ...worker.stats, ...exporter?.stats } : {}),
  }),
);

app.get('/readyz', async (c) => {
  const refusal = await handshake.probe().catch((error: unknown) => error as Error);
  const answer = {
    status: refusal ? 'failed' : 'ok',
    versions: { functions: VERSION, schema: handshake.schema?.version ?? null },
  };
  c.header('Cache-Control', 'no-store');
  return c.json(answer, refusal ? 503 : 200);
});

app.get('/metrics', (c) => {
  const keys = { secretKeys: env.secretKeys, token: env.metrics.token };
  if (!mayReadMetrics(c.req.raw.headers, keys)) {
    return c.json({ code: 'not_authenticated', message: 'a token is required' }, 401);
  }
  return c.body(meter.text(worker.stats, exporter?.stats), 200, {
    'content-type': METRICS_TYPE,
    'cache-control': 'no-store',
  });
});

declare const EdgeRuntime: { waitUntil(work: Promise<unknown>): void } | undefined;

let blocked: BlockedTime | undefined;
const onBlind = () =>
  log.warn('the platform does not report CPU time; the budget counts steps instead', {
    steps: env.worker.budget.steps,
  });

const invocations = createInvocations({
  clock,
  worker,
  startBudget() {
    blocked = measureBlockedTime(clock);
    return startBudget(env.worker.budget, {
      clock,
      steps: () => worker.stats.completed + worker.stats.failed + worker.stats.executing,
      blocked: () => blocked?.ms ?? 0,
      ageMs: clock.now(),
      onBlind,
    });
  },
  onEnd: () => blocked?.stop(),
  beat: sendHeartbeat,
  callAgain: () => engine.continueWorker(),
  onError,
  inBackground: typeof EdgeRuntime !== 'undefined',
});

app.post('/', async (c) => {
  // verify_jwt is off: the caller must present a secret key of the project.
  if (!isAuthorised(c)) {
    return c.json({ code: 'not_authenticated', message: 'a secret key is required' }, 401);
  }
  const refusal = await handshake.refusal();
  if (refusal !== undefined) return problemResponse(refusal);
  if (env.worker.mode === 'resident') {
    worker.wake({ kind: 'everything' });
    return c.json({ steps: 0, more: false, spent: null } satisfies Invocation);
  }
  // The isolate may end after the invocation, and with it the queue of the exporter.
  const done = invocations.call().finally(() => exporter?.flush(FLUSH_MS));
  if (typeof EdgeRuntime === 'undefined') return c.json(await done);
  // pg_net handles its requests in batches: a response that is late delays the others of the project.
  EdgeRuntime.waitUntil(
    done.catch((error: unknown) => onError('the invocation ended with an error', error)),
  );
  return c.json({ accepted: true }, 202);
});

const server = Deno.serve(
  {
    ...(env.port === undefined ? {} : { port: env.port, hostname: env.host }),
    onListen: ({ port }) => log.info('the worker is listening', { port, mode: env.worker.mode }),
  },
  app.fetch,
);

/** A heartbeat that fails or takes long must not keep the worker from starting or stopping. */
function sendHeartbeat(status?: Heartbeat['status'], cause?: unknown): Promise<void> {
  return Promise.race([
    engine.heartbeat(heartbeat(status, cause)).catch((error: unknown) => {
      onError('the heartbeat could not be written', error);
    }),
    pause(clock, HEARTBEAT_MS),
  ]);
}

const gate = createSchemaGate({
  ...{ clock, handshake, worker, beat: sendHeartbeat },
  graceMs: STOP_GRACE_MS,
});

async function stop(): Promise<void> {
  gate.close();
  await sendHeartbeat('draining');
  await worker.stop(STOP_GRACE_MS);
  await exporter?.flush(FLUSH_MS);
  await sendHeartbeat('stopped');
  await listener?.stop();
  subscription.close();
  bus.close();
  await queue.stop();
  await Promise.all([db.close(), functionDb.close()]);
  await server.shutdown();
}

if (env.worker.mode === 'resident') {
  if (env.database.direct) {
    const { url: connectionString, ssl } = env.database;
    listener = new WakeupListener({ connectionString, ssl, clock, onWakeup: worker.wake, onError });
  }
  void gate.open();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    Deno.addSignalListener(signal, () => {
      stop().then(
        () => Deno.exit(0),
        (error) => {
          onError('the worker could not stop in an orderly way', error);
          Deno.exit(1);
        },
      );
    });
  }
} else {
  // The platform ends the isolate: unfinished tokens go back to the queue.
  addEventListener('beforeunload', () => {
    invocations.close();
    void worker.stop(0);
  });
}
