// The presence of a compiled worker: its heartbeats for stepbase.workers, by which Insight and `stepbase doctor` show it. The
// worker executes steps also while the database cannot be reached.

import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Worker } from '@temporalio/worker';
import { VERSION } from '../../functions/_shared/version.ts';
import type { Heartbeat } from '../../functions/worker/engine/types.ts';
import type { AttemptHost } from './attempt.ts';

/** A worker that is silent for 90 seconds counts as lost. */
const HEARTBEAT_MS = 30_000;

export interface PresenceOptions {
  app: string;
  taskQueue: string;
  /** The name of the project that it serves. */
  project: string | undefined;
  namespace: string;
  /** How many activities it executes at the same time. */
  concurrency: number;
}

export interface Presence {
  /** The last heartbeat. */
  stop(error?: unknown): Promise<void>;
}

export function startPresence(
  worker: Worker,
  { database, log }: AttemptHost,
  { app, taskQueue, project, namespace, concurrency }: PresenceOptions,
): Presence {
  const id = `${app}:${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`;
  const report = async (status: Heartbeat['status'], error?: unknown) => {
    const heartbeat: Heartbeat = {
      ...{ worker_id: id, mode: 'resident', status, app_code: app, task_queue: taskQueue },
      ...(project ? { project } : {}),
      hostname: hostname(),
      version: VERSION,
      executing: worker.getStatus().numInFlightActivities,
      concurrency,
      metadata: { engine: 'temporal', namespace, pid: process.pid },
      ...(error === undefined ? {} : { error_message: String(error) }),
    };
    await database
      .report(heartbeat)
      .catch((reason: unknown) => log('warn', 'the heartbeat was not written', { error: reason }));
  };
  const timer = setInterval(() => {
    void report(worker.getState() === 'RUNNING' ? 'running' : 'draining');
  }, HEARTBEAT_MS);
  const first = report('running');
  return {
    async stop(error) {
      clearInterval(timer);
      await first;
      await report(error === undefined ? 'stopped' : 'error', error);
    },
  };
}
