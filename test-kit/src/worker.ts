// The worker of a kit: the one of the Edge Function, in this process. It works when it is called and then rests, so a
// test decides when a run goes on. A stand-in answers the steps that would leave the process; nothing else does.

import { systemClock } from '../../functions/_shared/clock/clock.ts';
import { openDb } from '../../functions/_shared/db/pool.ts';
import type { Budget } from '../../functions/worker/budget.ts';
import { createEngine, type DueMail } from '../../functions/worker/engine/engine.ts';
import { createFunctionCalls } from '../../functions/worker/engine/function-calls.ts';
import { openQueue } from '../../functions/worker/engine/queue.ts';
import type { StandIn } from '../../functions/worker/executor.ts';
import { createHeartbeat } from '../../functions/worker/heartbeat.ts';
import { withOrderedHeartbeats } from '../../functions/worker/invocation.ts';
import { inDatabase } from '../../functions/worker/outputs/outputs.ts';
import { createStoredOutputQueries } from '../../functions/worker/outputs/queries.ts';
import { createPlans } from '../../functions/worker/plans.ts';
import { createRunMemory } from '../../functions/worker/run-memory.ts';
import { createSecrets } from '../../functions/worker/secrets.ts';
import { createWriteStepLogs, StepLogWriter } from '../../functions/worker/step-logs.ts';
import { createStepServices } from '../../functions/worker/step-services.ts';
import {
  createStepEnv,
  type StepEnv,
  StepError,
  stopCodeThreads,
} from '../../functions/worker/steps/index.ts';
import { Turns } from '../../functions/worker/turns.ts';
import { createDeliveryStore } from '../../functions/worker/webhooks/queries.ts';
import { createWorker } from '../../functions/worker/worker.ts';

const CONNECTIONS = 5;
const CONCURRENCY = 16;
const LEASE_SECONDS = 3_600;

export interface KitWorker {
  /** Works until nothing is left; rejects after `deadlineMs`. */
  drain(deadlineMs: number): Promise<void>;
  /** Milliseconds until the next timer is due; undefined without one. Fires what is due. */
  nextDueMs(): Promise<number | undefined>;
  stop(): Promise<void>;
}

export interface KitWorkerOptions {
  url: string;
  standIn: StandIn;
  /** Whether the database has something to do for a worker. */
  isPending(): Promise<boolean>;
  onMail(mail: DueMail): void;
  onDelivery(payload: unknown): void;
  onError(message: string, error: unknown): void;
}

/** No step leaves the process. */
function closedEnv(): StepEnv {
  const nowhere = 'http://127.0.0.1:9';
  return createStepEnv(
    {
      allowPrivateNetwork: false,
      egressAllow: [],
      openai: { baseUrl: nowhere, apiKey: undefined },
      smtp: { url: undefined, from: undefined },
      webUrl: undefined,
      resend: undefined,
      storage: { url: nowhere, secretKey: undefined },
      apiUrl: nowhere,
    },
    {
      connect: (url) => {
        throw new StepError('not_mocked', `the test kit connects to no server (${url.host})`);
      },
    },
  );
}

export async function openWorker(options: KitWorkerOptions): Promise<KitWorker> {
  const { standIn, onError } = options;
  const clock = systemClock;
  const open = (applicationName: string) =>
    openDb({ connectionString: options.url, max: CONNECTIONS, applicationName, direct: true });
  const db = open('stepbase-test');
  const functionDb = open('stepbase-test-functions');
  const engine = withOrderedHeartbeats(createEngine(db, clock));
  const queue = await openQueue(db, clock, (error) => onError('the queue failed', error));
  const env = closedEnv();
  const memory = createRunMemory(engine);
  const outputs = createStoredOutputQueries(db, clock);
  const stepLogs = new StepLogWriter({
    write: createWriteStepLogs(db, clock),
    level: 'debug',
    ...{ clock, onError },
  });
  const heartbeat = createHeartbeat({
    mode: 'invocation',
    concurrency: CONCURRENCY,
    leaseSeconds: LEASE_SECONDS,
    mail: true,
    region: 'test',
    stats: () => worker.stats,
  });
  const worker = createWorker({
    ...{ clock, engine, queue, memory, stepLogs, onError },
    executor: {
      plans: createPlans(engine, clock),
      turns: new Turns({ clock }),
      outputs: inDatabase,
      secretsOf: createSecrets(engine, {}),
      logs: stepLogs,
      servicesFor: createStepServices(engine, createFunctionCalls(functionDb), () =>
        worker.wake({ kind: 'outbox' }),
      ),
      ...{ memory, clock, env, standIn },
    },
    concurrency: CONCURRENCY,
    leaseSeconds: LEASE_SECONDS,
    heartbeat,
    pollMs: () => 1_000,
    cancelPollMs: () => 1_000,
    notify: () => Promise.resolve(true),
    webhooks: {
      store: createDeliveryStore(db),
      async send({ payload }) {
        options.onDelivery(JSON.parse(payload));
        return { status: 204, durationMs: 0 };
      },
    },
    mailer: {
      async send(mail) {
        options.onMail(mail);
        return mail.mail_id;
      },
    },
    removal: { queries: outputs, storage: env.storage },
  });

  async function drain(deadlineMs: number): Promise<void> {
    const deadline = clock.now() + deadlineMs;
    const budget: Budget = {
      get wallLeftMs() {
        return deadline - clock.now();
      },
      get spent() {
        return clock.now() >= deadline;
      },
      get spentBy() {
        return this.spent ? 'wall' : undefined;
      },
    };
    for (;;) {
      const { more } = await worker.runWithin(budget);
      if (budget.spent) throw new Error(`the runs did not come to rest within ${deadlineMs} ms`);
      // The last write of a pass may have left work that the pass has not seen.
      if (!more && !(await options.isPending())) return;
    }
  }

  return {
    drain,
    async nextDueMs() {
      const { inMs } = await engine.wake();
      // What the call itself woke is due now, before the next timer.
      return (await options.isPending()) ? 0 : inMs;
    },
    async stop() {
      await worker.stop(0);
      await queue.stop();
      stopCodeThreads();
      await Promise.all([db.close(), functionDb.close()]);
    },
  };
}
