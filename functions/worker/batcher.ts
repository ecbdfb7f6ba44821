// Group commit: items that arrive while a statement runs are written together by the next one, so that steps
// which finish at about the same time share the cost of a transaction. Two lanes keep two connections
// busy. The steps of one run always take the same lane, so that lanes never wait for each other's lock on a run.
//
// After a statement that took too long, the apps of its batch go on in the slow lane: one statement of one app at a
// time, in turn, while the other lanes continue with the other apps. An app whose statement is written leaves it;
// an app whose statement takes too long again stays there for some minutes.

import { setImmediate } from 'node:timers';
import { isContentFault, isStatementTimeout } from '../_shared/db/faults.ts';
import { FairQueue } from './fair-queue.ts';

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** The app was in a batch that took too long; whether it is the cause is not known yet. */
const UNKNOWN = Number.POSITIVE_INFINITY;
/** How long the items of an app take the slow lane after a statement with only its items took too long. */
const SLOW_MS = 5 * 60_000;

export interface Batcher<T> {
  add(item: T): void;
  /** Resolves when everything added so far is written, or given up. */
  drain(): Promise<void>;
}

export interface BatcherOptions<T> {
  /** Writes items of at most `limit` in size, in the order of arrival; each lane makes one call at a time. */
  flush(items: T[]): Promise<void>;
  /** `flush` failed for these items. If the content is at fault, for the one item that fails alone. */
  onError(error: unknown, items: T[]): void;
  /** Items with the same key take the same lane. */
  keyOf(item: T): string;
  /** The app of an item. */
  appOf(item: T): string;
  /** Milliseconds that never go back. */
  now(): number;
  /** How much an item counts towards the limit; by default 1. */
  sizeOf?(item: T): number;
  lanes?: number;
  limit?: number;
}

interface Lane<T> {
  waiting: T[];
  running: Promise<void> | undefined;
}

export function createBatcher<T>(options: BatcherOptions<T>): Batcher<T> {
  const { flush, onError, keyOf, appOf, now, sizeOf = () => 1, limit = 400 } = options;
  const lanes: Lane<T>[] = Array.from({ length: options.lanes ?? 2 }, () => ({
    waiting: [],
    running: undefined,
  }));
  /** Batches of one app each. */
  const slow = new FairQueue<T[]>();
  /** Until when the items of an app take the slow lane. */
  const slowUntil = new Map<string, number>();
  let slowLane: Promise<void> | undefined;

  function take(waiting: T[]): T[] {
    let count = 0;
    let size = 0;
    for (const item of waiting) {
      size += sizeOf(item);
      if (count > 0 && size > limit) break;
      count += 1;
    }
    return waiting.splice(0, count);
  }

  async function run(lane: Lane<T>): Promise<void> {
    // Everything that finishes in this turn of the event loop joins the batch.
    await nextTurn();
    while (lane.waiting.length > 0) {
      await write(take(lane.waiting));
      if (slowUntil.size > 0) lane.waiting = lane.waiting.filter((item) => !takesSlowLane(item));
    }
    lane.running = undefined;
  }

  /** Whether the item belongs to a slow app; then it is in the slow lane. */
  function takesSlowLane(item: T): boolean {
    const app = appOf(item);
    if (!isSlowApp(app)) return false;
    slow.add(app, [item]);
    slowLane ??= runSlowLane();
    return true;
  }

  /** An item that the database rejects must not make the others of its batch fail: halve the batch. */
  async function write(items: T[]): Promise<void> {
    try {
      await flush(items);
    } catch (error) {
      if (items.length === 1 || !isContentFault(error)) return onError(error, items);
      if (isStatementTimeout(error)) return isolate(items);
      const half = items.length >> 1;
      await write(items.slice(0, half));
      await write(items.slice(half));
    }
  }

  /** Moves the items of a batch that took too long to the slow lane, by app. */
  function isolate(items: T[]): void {
    for (const [app, ofApp] of Map.groupBy(items, appOf)) {
      if (!slowUntil.has(app)) slowUntil.set(app, UNKNOWN);
      slow.add(app, ofApp);
    }
    slowLane ??= runSlowLane();
  }

  async function runSlowLane(): Promise<void> {
    await Promise.resolve();
    for (let next = slow.take(); next; next = slow.take()) await writeSlowly(next.app, next.item);
    slowLane = undefined;
  }

  async function writeSlowly(app: string, items: T[]): Promise<void> {
    let isSlow = false;
    try {
      await flush(items);
    } catch (error) {
      isSlow = isStatementTimeout(error);
      if (items.length === 1 || !isContentFault(error)) onError(error, items);
      else {
        const half = items.length >> 1;
        slow.add(app, items.slice(0, half));
        slow.add(app, items.slice(half));
      }
    }
    const isInnocent = slowUntil.get(app) === UNKNOWN && !slow.has(app);
    if (isSlow) slowUntil.set(app, now() + SLOW_MS);
    else if (isInnocent) slowUntil.delete(app);
  }

  function isSlowApp(app: string): boolean {
    const until = slowUntil.get(app);
    if (until === undefined) return false;
    if (until > now() || slow.has(app)) return true;
    slowUntil.delete(app);
    return false;
  }

  function laneOf(item: T): Lane<T> {
    const key = keyOf(item);
    let hash = 0;
    for (let i = 0; i < key.length; i += 1) hash = (hash * 31 + key.charCodeAt(i)) | 0;
    return lanes[Math.abs(hash) % lanes.length] as Lane<T>;
  }

  return {
    add(item) {
      if (slowUntil.size > 0 && takesSlowLane(item)) return;
      const lane = laneOf(item);
      lane.waiting.push(item);
      lane.running ??= run(lane);
    },
    async drain() {
      for (const lane of lanes) while (lane.running) await lane.running;
      while (slowLane) await slowLane;
    },
  };
}
