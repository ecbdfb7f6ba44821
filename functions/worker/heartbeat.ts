// What this worker says of itself in stepbase.workers: who it is, whether it takes work, and how much
// it has to do. Invocations of one region share one row: they come and go by the minute.

import os from 'node:os';
import process from 'node:process';
import type { Heartbeat } from './engine/engine.ts';
import type { Worker } from './worker.ts';

/** The version in package.json; a test keeps them equal. */
export const VERSION = '0.1.0';

export interface HeartbeatOptions {
  mode: Heartbeat['mode'];
  concurrency: number;
  leaseSeconds: number;
  /** Of a hosted project: SB_REGION. */
  region: string | undefined;
  stats(): Worker['stats'];
}

export type HeartbeatOf = (status?: Heartbeat['status'], error?: unknown) => Heartbeat;

/** Not every platform lets a function ask for the name of its machine. */
function hostname(): string | undefined {
  try {
    return os.hostname();
  } catch {
    return undefined;
  }
}

export function createHeartbeat({
  mode,
  concurrency,
  leaseSeconds,
  region,
  stats,
}: HeartbeatOptions): HeartbeatOf {
  const host = hostname();
  const worker_id =
    mode === 'invocation'
      ? `invocation:${region ?? 'default'}`
      : `${host ?? 'worker'}:${process.pid}:${crypto.randomUUID().slice(0, 8)}`;
  return (status = 'running', error = undefined) => {
    const { executing, tokens, completed, failed } = stats();
    return {
      worker_id,
      mode,
      status,
      hostname: mode === 'invocation' ? region : host,
      version: VERSION,
      executing,
      concurrency,
      metadata: {
        lease_seconds: leaseSeconds,
        ...(mode === 'resident' ? { pid: process.pid, tokens, completed, failed } : {}),
      },
      ...(error === undefined ? {} : { error_message: String(error) }),
    };
  };
}
