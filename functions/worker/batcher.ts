// Group commit: items that arrive while a statement runs are written together by the next one, so that steps
// which finish at about the same time share the cost of a transaction. Two lanes keep two connections
// busy. The steps of one run take the same lane, so that lanes do not wait for each other's lock on a run.
//
// A statement that takes longer than a second holds its lane. From then on the items of other apps take the spare lane,
// and those of its own apps the slow lane (slow-lane.ts), because one of these apps may be the cause. Only items
// that would meet the same lock or the same cause wait: those of its runs, and those of its app if it has only one.
// After a statement that took too long, or waited too long for a lock, its items take the slow lane too.
//
// An item that is larger than a whole batch takes the slow lane at once: its statement is known to be long.
//
// So a batcher has at most five statements at a time: two lanes, the spare lane, and two of the slow lane.

import { setImmediate } from 'node:timers';
import type { Clock } from '../_shared/clock/clock.ts';
import { isContentFault, isLockTimeout, isStatementTimeout } from '../_shared/db/faults.ts';
import { SlowLane } from './slow-lane.ts';

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A statement that takes longer holds its lane. */
const HELD_MS = 1_000;

/** A batch of several apps has at most this part of the limit. */
const SHARED_PART = 4;

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
  clock: Clock;
  /** How much an item counts towards the limit; by default 1. */
  sizeOf?(item: T): number;
  lanes?: number;
  limit?: number;
}

interface Lane<T> {
  waiting: T[];
  /** Parts of a rejected batch. */
  parts: T[][];
  running: Promise<void> | undefined;
  holder: Holder | undefined;
}

/** What the statement that holds a lane contains. */
interface Holder {
  keys: ReadonlySet<string>;
  apps: ReadonlySet<string>;
}

function createLane<T>(): Lane<T> {
  return { waiting: [], parts: [], running: undefined, holder: undefined };
}

/** The first of each list, then the second of each, and so on. */
function* inTurn(lists: readonly number[][]): Generator<number> {
  const longest = Math.max(...lists.map((list) => list.length));
  for (let turn = 0; turn < longest; turn += 1) {
    for (const list of lists) {
      const at = list[turn];
      if (at !== undefined) yield at;
    }
  }
}

export function createBatcher<T>(options: BatcherOptions<T>): Batcher<T> {
  const { flush, onError, keyOf, appOf, clock, sizeOf = () => 1, limit = 400 } = options;
  const lanes = Array.from({ length: options.lanes ?? 2 }, () => createLane<T>());
  const spare = createLane<T>();
  const slow = new SlowLane<T>({ clock, flush, onError, appOf, sizeOf, limit });

  /**
   * The next batch. If not everything fits, the apps take turns: an item does not wait for all that another app has
   * finished before. Nor does it wait for a long statement: a batch of several apps is smaller.
   */
  function take(waiting: T[]): T[] {
    const isShared = waiting.some((item) => appOf(item) !== appOf(waiting[0] as T));
    const most = isShared ? Math.ceil(limit / SHARED_PART) : limit;
    if (waiting.reduce((sum, item) => sum + sizeOf(item), 0) <= most) return waiting.splice(0);
    const byApp = Map.groupBy(waiting.keys(), (at) => appOf(waiting[at] as T));
    const taken = new Set<number>();
    let size = 0;
    for (const at of inTurn([...byApp.values()])) {
      size += sizeOf(waiting[at] as T);
      if (taken.size > 0 && size > most) break;
      taken.add(at);
    }
    const batch = waiting.filter((_, at) => taken.has(at));
    waiting.splice(0, waiting.length, ...waiting.filter((_, at) => !taken.has(at)));
    return batch;
  }

  async function run(lane: Lane<T>): Promise<void> {
    // Everything that finishes in this turn of the event loop joins the batch.
    await nextTurn();
    while (lane.parts.length + lane.waiting.length > 0) {
      await write(lane, lane.parts.shift() ?? take(lane.waiting));
      if (slow.hasApps) reroute(lane);
    }
    lane.running = undefined;
  }

  /** An item that the database rejects must not make the others of its batch fail: halve the batch. */
  async function write(lane: Lane<T>, items: T[]): Promise<void> {
    const cancelAlarm = clock.after(HELD_MS, () => hold(lane, items));
    try {
      await flush(items);
    } catch (error) {
      const isByTime = isStatementTimeout(error) && items.length > 1;
      if (isByTime || isLockTimeout(error)) slow.isolate(items);
      else if (items.length === 1 || !isContentFault(error)) onError(error, items);
      else {
        const half = items.length >> 1;
        lane.parts.unshift(items.slice(0, half), items.slice(half));
      }
    } finally {
      cancelAlarm();
      lane.holder = undefined;
    }
  }

  function hold(lane: Lane<T>, items: T[]): void {
    lane.holder = { keys: new Set(items.map(keyOf)), apps: new Set(items.map(appOf)) };
    reroute(lane, lane.parts.splice(0).flat());
  }

  /** Moves the waiting items that no longer belong into the lane. */
  function reroute(lane: Lane<T>, parts: T[] = []): void {
    for (const item of [...parts, ...lane.waiting.splice(0)]) route(item, lane);
  }

  /** Gives the item to the lane, or to another one if it must not wait there. */
  function route(item: T, lane: Lane<T>): void {
    const app = appOf(item);
    const { holder } = lane;
    const isApart = slow.hasApps && slow.takes(app);
    if (!isApart && (!holder || mustWait(item, app, holder))) {
      lane.waiting.push(item);
      lane.running ??= run(lane);
    } else if (isApart || lane === spare || holder?.apps.has(app)) slow.add(item);
    else route(item, spare);
  }

  /** The item would meet the same lock, or the same cause. */
  function mustWait(item: T, app: string, { keys, apps }: Holder): boolean {
    return keys.has(keyOf(item)) || (apps.size === 1 && apps.has(app));
  }

  function laneOf(item: T): Lane<T> {
    const key = keyOf(item);
    let hash = 0;
    for (let i = 0; i < key.length; i += 1) hash = (hash * 31 + key.charCodeAt(i)) | 0;
    return lanes[Math.abs(hash) % lanes.length] as Lane<T>;
  }

  return {
    add: (item) => (sizeOf(item) > limit ? slow.add(item) : route(item, laneOf(item))),
    async drain() {
      for (;;) {
        const running = [...lanes, spare].flatMap((lane) => lane.running ?? []);
        const pending = [...running, ...slow.pending()];
        if (pending.length === 0) return;
        await Promise.all(pending);
      }
    },
  };
}
