// The slow lane of a batcher: statements with the items of one app each, the apps in turn. It takes the items of apps
// whose statements took too long or waited too long for a lock, and of apps that may be the cause of such a statement.
// Two statements at a time, of different apps, so that an app that is not the cause does not wait for the one that is.
//
// An app whose statement is written leaves the lane; an app whose statement takes too long again stays for some minutes.

import { type Clock, pause } from '../_shared/clock/clock.ts';
import { isContentFault, isLockTimeout, isStatementTimeout } from '../_shared/db/faults.ts';
import { backOffMs, MAX_ATTEMPTS } from '../_shared/db/retry.ts';
import { FairQueue } from './fair-queue.ts';

const STATEMENTS = 2;
/** The app was in a statement that failed by time; whether it is the cause is not known yet. */
const UNKNOWN = Number.POSITIVE_INFINITY;
/** How long the items of an app take the slow lane after a statement with only its items took too long. */
const SLOW_MS = 5 * 60_000;

export interface SlowLaneOptions<T> {
  clock: Clock;
  flush(items: T[]): Promise<void>;
  onError(error: unknown, items: T[]): void;
  appOf(item: T): string;
  sizeOf(item: T): number;
  limit: number;
}

interface Batch<T> {
  app: string;
  items: T[];
  size: number;
  /** Lock timeouts of a batch that cannot be halved. */
  lockTimeouts: number;
}

export class SlowLane<T> {
  readonly #options: SlowLaneOptions<T>;
  readonly #queue = new FairQueue<Batch<T>>();
  /** Batches in the queue that further items of their app may join. */
  readonly #open = new Map<string, Batch<T>>();
  readonly #writing = new Map<string, Promise<void>>();
  /** Batches that pause after a lock timeout. */
  readonly #resting = new Map<Batch<T>, Promise<void>>();
  /** Until when the items of an app take the slow lane. */
  readonly #slowUntil = new Map<string, number>();

  constructor(options: SlowLaneOptions<T>) {
    this.#options = options;
  }

  /** Some apps have to take the slow lane. */
  get hasApps(): boolean {
    return this.#slowUntil.size > 0;
  }

  /** Whether the items of the app have to take the slow lane. */
  takes(app: string): boolean {
    const until = this.#slowUntil.get(app);
    if (until === undefined) return false;
    if (until > this.#options.clock.now() || this.#queue.has(app)) return true;
    this.#slowUntil.delete(app);
    return false;
  }

  /** Items that come one by one are written together, unless their app is known to be slow. */
  add(item: T): void {
    const app = this.#options.appOf(item);
    const size = this.#options.sizeOf(item);
    const open = this.#open.get(app);
    if (open && open.size + size <= this.#options.limit) {
      open.items.push(item);
      open.size += size;
      return;
    }
    const batch = this.#enqueue(app, [item]);
    if ((this.#slowUntil.get(app) ?? UNKNOWN) === UNKNOWN) this.#open.set(app, batch);
  }

  /** Takes over the items of a statement that failed by time, and the further items of their apps. */
  isolate(items: T[]): void {
    for (const [app, ofApp] of Map.groupBy(items, this.#options.appOf)) {
      if (!this.#slowUntil.has(app)) this.#slowUntil.set(app, UNKNOWN);
      this.#enqueue(app, ofApp);
    }
  }

  /** Empty when everything is written, or given up. */
  pending(): Promise<void>[] {
    const pending = [...this.#writing.values(), ...this.#resting.values()];
    return pending.length === 0 && this.#queue.size > 0 ? [Promise.resolve()] : pending;
  }

  #enqueue(app: string, items: T[]): Batch<T> {
    const size = items.reduce((sum, item) => sum + this.#options.sizeOf(item), 0);
    const batch = { app, items, size, lockTimeouts: 0 };
    this.#queue.add(app, batch);
    // Items that are added in the same moment join the batch.
    void Promise.resolve().then(() => this.#pump());
    return batch;
  }

  #pump(): void {
    while (this.#writing.size < STATEMENTS) {
      const next = this.#queue.take((app) => !this.#writing.has(app));
      if (!next) return;
      const { app, item: batch } = next;
      if (this.#open.get(app) === batch) this.#open.delete(app);
      const written = this.#write(batch).finally(() => {
        this.#writing.delete(app);
        this.#pump();
      });
      this.#writing.set(app, written);
    }
  }

  async #write(batch: Batch<T>): Promise<void> {
    const { app, items } = batch;
    const { clock, flush, onError } = this.#options;
    let isSlow = false;
    try {
      await flush(items);
    } catch (error) {
      isSlow = isStatementTimeout(error);
      const waitedForLock = isLockTimeout(error);
      if (items.length > 1 && (waitedForLock || isContentFault(error))) {
        const half = items.length >> 1;
        this.#enqueue(app, items.slice(0, half));
        this.#enqueue(app, items.slice(half));
      } else if (waitedForLock && batch.lockTimeouts + 1 < MAX_ATTEMPTS) this.#rest(batch);
      else onError(error, items);
    }
    if (isSlow) this.#slowUntil.set(app, clock.now() + SLOW_MS);
    else if (this.#slowUntil.get(app) === UNKNOWN && !this.#has(app)) this.#slowUntil.delete(app);
  }

  /** The batch is written again after a pause, in which the other apps have their turns. */
  #rest(batch: Batch<T>): void {
    batch.lockTimeouts += 1;
    const rest = pause(this.#options.clock, backOffMs(batch.lockTimeouts)).then(() => {
      this.#resting.delete(batch);
      this.#queue.add(batch.app, batch);
      this.#pump();
    });
    this.#resting.set(batch, rest);
  }

  #has(app: string): boolean {
    return this.#queue.has(app) || [...this.#resting.keys()].some((batch) => batch.app === app);
  }
}
