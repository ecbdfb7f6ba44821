// The follower: follows the histories of all open runs with a bounded number of open requests. A run in which nothing
// can happen costs none: it is looked at again when a command is sent, when its timer fires, and now and then, because
// operators can act on workflows in Temporal itself.

import { isContentFault } from '../../functions/_shared/db/faults.ts';
import { backOffMs } from '../../functions/_shared/db/retry.ts';
import type { Log } from '../../functions/_shared/log/log.ts';
import type { Cluster } from './cluster.ts';
import { FollowedRun, type Next } from './followed-run.ts';
import type { OpenRun, Store } from './store.ts';

/** A request waits this long for events; less if other runs wait for their turn. */
const WAIT_MS = 20_000;
const BUSY_WAIT_MS = 1_000;
/** How often a run in which nothing happens is looked at. */
const IDLE_MS = 60_000;
const BACK_OFF = { firstMs: 200, longestMs: 10_000 };
/** So often the database may reject the events of a run before the run fails. */
const MAX_REJECTED = 5;
/** Runs of one page of open_temporal_runs. */
const PAGE = 1_000;

interface Slot {
  run: FollowedRun;
  state: 'queued' | 'reading' | 'waiting';
  /** A command was sent while it was read. */
  isPoked: boolean;
  failures: number;
  rejected: number;
  timer?: NodeJS.Timeout | undefined;
}

export interface FollowerOptions {
  cluster: Cluster;
  store: Store;
  log: Log;
  /** Open requests to Temporal at the same time. */
  maxReads: number;
}

export interface Follower {
  /** Follows all runs that the database knows as open; called at the start and repeatedly, for runs of other bridges. */
  load(): Promise<void>;
  follow(run: OpenRun): void;
  /** A command was sent: something will happen. */
  poke(runId: string): void;
  stop(): Promise<void>;
  readonly counts: { followed: number; reading: number; advanced: number };
}

export function createFollower({ cluster, store, log, maxReads }: FollowerOptions): Follower {
  const slots = new Map<string, Slot>();
  const queue: Slot[] = [];
  const reads = new Set<Promise<void>>();
  const stopping = new AbortController();
  const counts = { followed: 0, reading: 0, advanced: 0 };

  function enqueue(slot: Slot): void {
    clearTimeout(slot.timer);
    slot.timer = undefined;
    if (slot.state === 'queued' || stopping.signal.aborted) return;
    slot.state = 'queued';
    queue.push(slot);
    pump();
  }

  function pump(): void {
    while (reads.size < maxReads && !stopping.signal.aborted) {
      const slot = queue.shift();
      if (!slot) return;
      slot.state = 'reading';
      slot.isPoked = false;
      const read = advance(slot).finally(() => {
        reads.delete(read);
        counts.reading = reads.size;
        pump();
      });
      reads.add(read);
      counts.reading = reads.size;
    }
  }

  async function advance(slot: Slot): Promise<void> {
    let next: Next;
    try {
      const waitMs = queue.length > 0 ? BUSY_WAIT_MS : WAIT_MS;
      next = await slot.run.advance(waitMs, stopping.signal);
      slot.failures = 0;
      slot.rejected = 0;
      counts.advanced += 1;
    } catch (error) {
      if (stopping.signal.aborted) return;
      return await recover(slot, error);
    }
    if (next.kind === 'closed') return forget(slot);
    if (next.kind === 'active' || slot.isPoked) {
      slot.state = 'waiting';
      return enqueue(slot);
    }
    wait(
      slot,
      Math.min(IDLE_MS, Math.max(0, (next.until ?? Number.POSITIVE_INFINITY) - Date.now())),
    );
  }

  /** Nothing is lost: the events stay in Temporal until they are mirrored. */
  async function recover(slot: Slot, error: unknown): Promise<void> {
    slot.failures += 1;
    if (isContentFault(error)) slot.rejected += 1;
    log.warn('a history could not be mirrored; trying again', { run_id: slot.run.id, error });
    if (slot.rejected < MAX_REJECTED) return wait(slot, backOffMs(slot.failures, BACK_OFF));
    const reason = error instanceof Error ? error.message : String(error);
    try {
      await store.fail(
        slot.run.id,
        'mirror_failed',
        `The database rejects an event of Temporal: ${reason}`,
      );
      await cluster.terminate(
        slot.run.namespace,
        slot.run.id,
        'Stepbase could not mirror an event',
      );
      forget(slot);
    } catch (again) {
      log.error('a run could not be failed; trying again', { run_id: slot.run.id, error: again });
      wait(slot, BACK_OFF.longestMs);
    }
  }

  function wait(slot: Slot, ms: number): void {
    slot.state = 'waiting';
    slot.timer = setTimeout(() => enqueue(slot), ms);
  }

  function forget(slot: Slot): void {
    clearTimeout(slot.timer);
    slots.delete(slot.run.id);
    counts.followed = slots.size;
  }

  function follow(run: OpenRun): void {
    if (slots.has(run.run_id) || stopping.signal.aborted) return;
    const slot: Slot = {
      run: new FollowedRun(run, { cluster, store }),
      state: 'waiting',
      isPoked: false,
      failures: 0,
      rejected: 0,
    };
    slots.set(run.run_id, slot);
    counts.followed = slots.size;
    enqueue(slot);
  }

  return {
    counts,
    follow,
    async load() {
      let after: string | null = null;
      for (;;) {
        const runs: OpenRun[] = await store.openRuns(after, PAGE);
        for (const run of runs) follow(run);
        after = runs.at(-1)?.run_id ?? null;
        if (runs.length < PAGE || after === null) return;
      }
    },
    poke(runId) {
      const slot = slots.get(runId);
      if (!slot) return;
      slot.isPoked = true;
      if (slot.state === 'waiting') enqueue(slot);
    },
    async stop() {
      stopping.abort();
      for (const slot of slots.values()) clearTimeout(slot.timer);
      await Promise.allSettled(reads);
    },
  };
}
