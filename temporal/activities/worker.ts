// The worker of a compiled workflow: polls its task queue, executes the workflow and the activities of its steps.

import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import {
  bundleWorkflowCode,
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
} from '@temporalio/worker';
import { systemClock } from '../../functions/_shared/clock/clock.ts';
import { type Env, parseEnv } from '../../functions/_shared/env/env.ts';
import { createLog, type LogLevel } from '../../functions/_shared/log/log.ts';
import { createStepEnv } from '../../functions/worker/steps/env.ts';
import type { StepRecord } from '../records.ts';
import type { AttemptCall } from '../runtime/plan.ts';
import { type AttemptHost, performAttempt } from './attempt.ts';
import { openDatabase } from './database.ts';
import { startPresence } from './presence.ts';
import type { ActivityStep, Steps } from './step.ts';

/** Temporal's server gives an activity to another worker after 20 seconds without one. */
const HEARTBEAT_MS = 4_000;

export interface WorkerOptions {
  /** The file that exports the workflow. */
  workflowsPath: string;
  steps: Steps;
  /** The code of the application. */
  app: string;
  taskQueue: string;
}

/** An activity, local or not: both get one call and return one record. */
function activityOf(step: ActivityStep, host: AttemptHost) {
  return async (call: AttemptCall): Promise<StepRecord> => {
    const context = Context.current();
    const { isLocal } = context.info;
    const beat = isLocal ? undefined : setInterval(() => context.heartbeat(), HEARTBEAT_MS);
    try {
      const outcome = await performAttempt(step, call, context.cancellationSignal, host);
      // The run has ended: the attempt has no outcome.
      if (context.cancellationSignal.aborted) await context.cancelled;
      const { node, item, attempt } = call;
      if (outcome.kind !== 'failed' || isLocal) return { node, item, attempt, ...outcome };
      const { error, input } = outcome;
      throw ApplicationFailure.create({
        message: error.message,
        type: error.code,
        nonRetryable: true,
        details: [error, input ?? null],
      });
    } finally {
      clearInterval(beat);
    }
  };
}

/** The activities of a workflow, by their names. */
export const activitiesOf = (steps: Steps, host: AttemptHost) =>
  Object.fromEntries(Object.entries(steps).map(([name, step]) => [name, activityOf(step, host)]));

export function createHost(env: Env): AttemptHost {
  const log = createLog({ level: env.logLevel, fields: { function: 'temporal-worker' } });
  return {
    env: createStepEnv(env.steps),
    database: openDatabase(env, systemClock),
    log: (level: LogLevel, message, data) => log[level](message, data),
    isMirrored: true,
  };
}

/** A worker that gives its activities up soon after their runs were cancelled, and ends soon. */
export const WORKER_SETTINGS = {
  maxConcurrentActivityTaskExecutions: 100,
  maxHeartbeatThrottleInterval: 2_000,
  shutdownGraceTime: 5_000,
};

/** As the bridge names it. */
const namespaceOf = (app: string): string =>
  (process.env.TEMPORAL_NAMESPACE || 'stepbase-{app}').replaceAll('{app}', app);

async function connect(): Promise<NativeConnection> {
  const { TEMPORAL_ADDRESS: address, TEMPORAL_API_KEY: apiKey, TEMPORAL_TLS: tls } = process.env;
  return await NativeConnection.connect({
    address: address || '127.0.0.1:7233',
    tls: tls ? tls === 'true' : Boolean(apiKey),
    ...(apiKey ? { apiKey } : {}),
  });
}

/**
 * Runs until the process gets SIGINT or SIGTERM, which Temporal's runtime handles. Reads the environment of Stepbase's
 * worker.
 */
export async function runWorker(options: WorkerOptions): Promise<void> {
  const env = parseEnv(process.env);
  const level = env.logLevel.toUpperCase() as 'DEBUG' | 'INFO' | 'WARN' | 'ERROR';
  const logger = new DefaultLogger(level);
  Runtime.install({ logger });
  const host = createHost(env);
  const connection = await connect();
  const { app, taskQueue } = options;
  const namespace = namespaceOf(app);
  const worker = await Worker.create({
    connection,
    namespace,
    taskQueue,
    workflowBundle: await bundleWorkflowCode({ workflowsPath: options.workflowsPath, logger }),
    activities: activitiesOf(options.steps, host),
    ...WORKER_SETTINGS,
  });
  const { STEPBASE_PROJECT: project } = process.env;
  const presence = startPresence(worker, host, {
    ...{ app, taskQueue, project, namespace },
    concurrency: WORKER_SETTINGS.maxConcurrentActivityTaskExecutions,
  });
  host.log('info', 'the worker takes tasks', { task_queue: taskQueue });
  try {
    await worker.run();
    await presence.stop();
  } catch (error) {
    await presence.stop(error);
    throw error;
  } finally {
    await Promise.all([connection.close(), host.database.close()]);
  }
}
