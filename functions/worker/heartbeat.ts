// The heartbeat of this worker for stepbase.workers: its identity, its state and its load. The invocations of
// one region share a row, because each of them lives for minutes only.

import os from 'node:os';
import process from 'node:process';
import type { Threshold } from '../_shared/tracing/settings.ts';
import { VERSION } from '../_shared/version.ts';
import type { Heartbeat } from './engine/types.ts';
import type { ExporterStats } from './tracing/exporter.ts';
import type { WorkerStats } from './worker.ts';

export interface HeartbeatOptions {
  mode: Heartbeat['mode'];
  concurrency: number;
  leaseSeconds: number;
  /** Whether the worker has settings for the mails of Stepbase. */
  mail: boolean;
  /** The region of a hosted project. */
  region: string | undefined;
  stats(): WorkerStats;
  /** Which traces the worker samples, and what became of their spans; undefined without traces. */
  traces?: { threshold: Threshold; stats: ExporterStats } | undefined;
}

export type HeartbeatOf = (status?: Heartbeat['status'], error?: unknown) => Heartbeat;

/** Undefined where the platform does not permit the call. */
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
  mail,
  region,
  stats,
  traces,
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
        mail,
        ...(traces ? { traces: traces.threshold, ...traces.stats } : {}),
        ...(mode === 'resident' ? { pid: process.pid, tokens, completed, failed } : {}),
      },
      ...(error === undefined ? {} : { error_message: String(error) }),
    };
  };
}
