// Group commit: answers that arrive while a statement is under way go together in the next one, so
// the cost of a transaction is shared by all steps that finish at about the same time.
// Two lanes keep two connections busy; the steps of one run always take the same lane, so that
// lanes never wait for each other's lock of a run.

import { isRejected } from '../_shared/db/faults.ts';

export interface Batcher<T> {
  add(item: T): void;
  /** Resolves when everything added so far is written. */
  drain(): Promise<void>;
}

export interface BatcherOptions<T> {
  /** Gets items of at most `limit` in size, in the order they came; one call after the other in each lane. */
  flush(items: T[]): Promise<void>;
  /** `flush` failed for good with these items; with one alone when it is refused for what it is. */
  onError(error: unknown, items: T[]): void;
  /** Items with the same key take the same lane. */
  keyOf(item: T): string;
  /** What an item counts towards the limit; 1 without. */
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
    // Lets everything that finished in this turn of the event loop join the batch.
    await Promise.resolve();
    while (lane.waiting.length > 0) await write(take(lane.waiting));
    lane.running = undefined;
  }

  /** One item that the database refuses must not take those down that share its statement. */
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
