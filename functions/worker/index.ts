// functions/worker: advances runs.
// Resident (embedded stack, containers): works until it is told to stop. Invocation (hosted Edge
// Function, woken by pg_cron/pg_net or the API): works until nothing is left or its budget is
// nearly spent, and answers whether work is left.

import { Hono } from 'hono';
import { matchesAny } from '../_shared/auth/index.ts';
import { pause, systemClock } from '../_shared/clock/clock.ts';
import { openDb } from '../_shared/db/pool.ts';
import { parseEnv } from '../_shared/env/env.ts';
import { createLog } from '../_shared/log/log.ts';
import { openBus, WAKE_CHANNEL } from '../_shared/redis/bus.ts';
import { startBudget } from './budget.ts';
import { createEngine } from './engine/engine.ts';
import { openQueue } from './engine/queue.ts';
import { createHeartbeat } from './heartbeat.ts';
import { listen, type Wakeup, type WakeupListener } from './listener.ts';
import { createPlans } from './plans.ts';
import { createRunMemory } from './run-memory.ts';
import { createRunNotifier } from './run-notifier.ts';
import { createSecrets } from './secrets.ts';
import { createStepServices } from './step-services.ts';
import { createStepEnv } from './steps/index.ts';
import { createWorker } from './worker.ts';

/** With hints by LISTEN or Redis a poll is only a safety net; without, it is the wake-up. */
const POLL_WITH_HINTS_MS = 30_000;
const POLL_WITHOUT_HINTS_MS = 2_000;
const STOP_GRACE_MS = 5_000;
const TELL_AT_MOST_MS = 1_000;

const environment = Deno.env.toObject();
const env = parseEnv(environment);
const log = createLog({ level: env.logLevel, fields: { function: 'worker' } });
const onError = (what: string, error: unknown) => log.error(what, { error: String(error) });

const db = openDb({
  connectionString: env.database.url,
  max: env.database.pool,
  applicationName: 'stepbase-worker',
  direct: env.database.direct,
});
const engine = createEngine(db);
const queue = await openQueue(db, (error) => onError('queue', error));
const bus = openBus(env.redis, log);
const memory = createRunMemory(engine);
let hints: WakeupListener | undefined;

const presence = createHeartbeat({
  mode: env.worker.mode,
  concurrency: env.worker.concurrency,
  leaseSeconds: env.worker.leaseSeconds,
  region: environment.SB_REGION,
  stats: () => worker.stats,
});

const clock = systemClock;
const worker = createWorker({
  clock,
  engine,
  queue,
  memory,
  execute: {
    plans: createPlans(engine, clock),
    memory,
    clock,
    env: createStepEnv(environment),
    secretsOf: createSecrets(db, environment),
    servicesFor: createStepServices(engine, () => worker.wake({ kind: 'outbox' })),
  },
  concurrency: env.worker.concurrency,
  leaseSeconds: env.worker.leaseSeconds,
  presence: () => presence(),
  pollMs: () => (hints?.connected ? POLL_WITH_HINTS_MS : POLL_WITHOUT_HINTS_MS),
  cancelPollMs: () => (hints?.connected ? POLL_WITH_HINTS_MS : env.worker.cancelPollMs),
  publish: createRunNotifier(bus, clock),
  onError,
});

const subscription = bus.subscribe(
  WAKE_CHANNEL,
  (message) => {
    const wakeup = message as Wakeup;
    // LISTEN brings the rest sooner, and more exactly.
    if (wakeup.kind === 'cancel' || !hints?.connected) worker.wake(wakeup);
  },
  // A new stream: something may have been published before it stood.
  () => {
    if (!hints?.connected) worker.wake({ kind: 'everything' });
  },
);

const app = new Hono().basePath('/stepbase-worker');

app.get('/healthz', (c) => c.json({ status: 'ok', ...worker.stats }));

/** `spent`: the limit of its budget that ended it; null: there was nothing left to do. */
interface Invocation {
  steps: number;
  more: boolean;
  spent: 'wall' | 'cpu' | null;
}

async function invocation(): Promise<Invocation> {
  const budget = startBudget(env.worker.budget, clock);
  const done = await worker.runWithin(budget);
  return { ...done, spent: budget.spentBy ?? null };
}

let running: Promise<Invocation> | undefined;

app.post('/', async (c) => {
  // verify_jwt is off: whoever calls must hold a secret key of the project.
  if (!matchesAny(c.req.header('apikey') ?? '', env.secretKeys)) {
    return c.json({ code: 'not_authenticated', message: 'a secret key is required' }, 401);
  }
  if (env.worker.mode === 'resident') {
    worker.wake({ kind: 'everything' });
    return c.json({ steps: 0, more: false, spent: null } satisfies Invocation);
  }
  // One invocation works at a time in this isolate; a second call waits for the same answer.
  running ??= invocation().finally(() => {
    running = undefined;
  });
  return c.json(await running);
});

const server = Deno.serve(
  {
    ...(env.port === undefined ? {} : { port: env.port, hostname: '127.0.0.1' }),
    onListen: ({ port }) => log.info('listening', { port, mode: env.worker.mode }),
  },
  app.fetch,
);

if (env.worker.mode === 'resident') {
  if (env.database.direct) {
    hints = listen(env.database.url, worker.wake, (error) => onError('listen', error));
  }
  // Whether anybody hears of this worker must not keep it from working, or from stopping.
  const tell = (...state: Parameters<typeof presence>) =>
    Promise.race([
      engine.beat(presence(...state)).catch((error: unknown) => onError('presence', error)),
      pause(clock, TELL_AT_MOST_MS),
    ]);
  void tell();
  worker.start();
  const stop = async () => {
    await tell('draining');
    await worker.stop(STOP_GRACE_MS);
    await tell('stopped');
    await hints?.stop();
    subscription.close();
    bus.close();
    await queue.stop();
    await db.close();
    await server.shutdown();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    Deno.addSignalListener(signal, () => {
      stop().then(
        () => Deno.exit(0),
        (error) => {
          onError('stop', error);
          Deno.exit(1);
        },
      );
    });
  }
} else {
  // The platform ends the isolate: what it still carries goes back to the queue.
  addEventListener('beforeunload', () => void worker.stop(0));
}
