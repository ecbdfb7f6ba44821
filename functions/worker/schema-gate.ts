// Lets a resident worker work while it fits the schema. A worker that does not fit takes no job: its jobs stay in the
// queue, for other workers or for later. One that no longer fits finishes its steps or returns them, and waits.

import { type Clock, pause } from '../_shared/clock/clock.ts';
import type { Handshake } from '../_shared/handshake/index.ts';
import type { Heartbeat } from './engine/types.ts';
import type { Worker } from './worker.ts';

/** How often a working worker asks. */
const WATCH_MS = 30_000;
/** How often a waiting worker asks. */
const AGAIN_MS = 1_000;

export interface SchemaGateOptions {
  clock: Clock;
  handshake: Pick<Handshake, 'probe'>;
  worker: Pick<Worker, 'start' | 'stop'>;
  /** The time for the steps in flight of a worker that has to stop. */
  graceMs: number;
  /** Writes the heartbeat; it never rejects. */
  beat(status: Heartbeat['status'], error?: unknown): Promise<void>;
}

export interface SchemaGate {
  /** Resolves when the worker has been started or refused for the first time. */
  open(): Promise<void>;
  /** The worker is stopped by its owner: it is not started again. */
  close(): void;
}

export function createSchemaGate(options: SchemaGateOptions): SchemaGate {
  const { clock, handshake, worker, graceMs, beat } = options;
  const closing = new AbortController();
  let isWorking = false;
  let refusedWith: string | undefined;

  async function look(): Promise<void> {
    // A database that is away is no reason to stop: the worker waits for it by itself.
    const refusal = await handshake.probe().catch(() => undefined);
    if (closing.signal.aborted) return;
    if (refusal === undefined) {
      refusedWith = undefined;
      if (isWorking) return;
      isWorking = true;
      void beat('running');
      worker.start();
      return;
    }
    if (isWorking) await worker.stop(graceMs);
    isWorking = false;
    if (refusedWith === refusal.message) return;
    refusedWith = refusal.message;
    await beat('error', refusal.message);
  }

  async function watch(): Promise<void> {
    while (!closing.signal.aborted) {
      await pause(clock, isWorking ? WATCH_MS : AGAIN_MS, closing.signal);
      if (!closing.signal.aborted) await look();
    }
  }

  return {
    async open() {
      await look();
      void watch();
    },
    close: () => closing.abort(),
  };
}
