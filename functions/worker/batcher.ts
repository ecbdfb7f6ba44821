// Group commit: items that arrive while a statement runs are written together by the next one, so that steps
// which finish at about the same time share the cost of a transaction. Two lanes keep two connections
// busy. The steps of one run always take the same lane, so that lanes never wait for each other's lock on a run.

import { isRejected } from '../_shared/db/faults.ts';

export interface Batcher<T> {
  add(item: T): void;
  /** Resolves when everything added so far is written, or given up. */
  drain(): Promise<void>;
}

export interface BatcherOptions<T> {
  /** Writes items of at most `limit` in size, in the order of arrival; each lane makes one call at a time. */
  flush(items: T[]): Promise<void>;
  /** `flush` failed for these items; when the database rejects values, for the one item that it rejects. */
  onError(error: unknown, items: T[]): void;
  /** Items with the same key take the same lane. */
  keyOf(item: T): string;
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
  const { flush, onError, keyOf, sizeOf = () => 1, limit = 400 } = options;
  const lanes: Lane<T>[] = Array.from({ length: options.lanes ?? 2 }, () => ({
    waiting: [],
    running: undefined,
  }));

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
    await Promise.resolve();
    while (lane.waiting.length > 0) await write(take(lane.waiting));
    lane.running = undefined;
  }

  /** An item that the database rejects must not make the others of its batch fail: halve the batch. */
  async function write(items: T[]): Promise<void> {
    try {
      await flush(items);
    } catch (error) {
      if (items.length === 1 || !isRejected(error)) return onError(error, items);
      const half = items.length >> 1;
      await write(items.slice(0, half));
      await write(items.slice(half));
    }
  }

  function laneOf(item: T): Lane<T> {
    const key = keyOf(item);
    let hash = 0;
    for (let i = 0; i < key.length; i += 1) hash = (hash * 31 + key.charCodeAt(i)) | 0;
    return lanes[Math.abs(hash) % lanes.length] as Lane<T>;
  }

  return {
    add(item) {
      const lane = laneOf(item);
      lane.waiting.push(item);
      lane.running ??= run(lane);
    },
    async drain() {
      for (const lane of lanes) while (lane.running) await lane.running;
    },
  };
}
