// Turns on the worker's only thread: expressions of tenants run one at a time, and the apps take turns. A long
// expression pauses after each slice: if another app waits, that one has the next turn. An app whose turn was long
// nevertheless, because a part of it cannot pause, rests while other apps are active. Between long turns the
// event loop gets to timers and connections.

import type { Clock } from '../_shared/clock/clock.ts';
import { nextTurn, withPauses } from '../_shared/expressions/index.ts';
import { FairQueue } from './fair-queue.ts';

/** A turn up to this length, more than two slices, needs no rest and no pause. */
const BRIEF_MS = 50;
/** An app rests for so many times the length of its turn. */
const REST_FACTOR = 2;
const LONGEST_REST_MS = 5_000;
/** An app counts as active for so long after its last turn. */
const ACTIVE_MS = 5_000;

export interface TurnsOptions {
  clock: Clock;
  /** Resolves after pending timers and messages of connections were handled. */
  breathe?(): Promise<void>;
}

type Queueing = (wait: Promise<void>) => Promise<void>;

/** Who has the turn. */
interface Holder {
  app: string;
  startedAt: number;
  queueing: Queueing;
}

interface Use {
  app: string;
  at: number;
}

export class Turns {
  readonly #clock: Clock;
  readonly #breathe: () => Promise<void>;
  readonly #queue = new FairQueue<() => void>();
  readonly #restUntil = new Map<string, number>();
  /** The last turn, and the last one of another app. */
  #last: Use | undefined;
  #lastOther: Use | undefined;
  #isTaken = false;
  #cancelAlarm = () => {};

  constructor({ clock, breathe = nextTurn }: TurnsOptions) {
    this.#clock = clock;
    this.#breathe = breathe;
  }

  /** Apps that wait for a turn. */
  get waiting(): number {
    return this.#queue.apps;
  }

  /**
   * Does the work when the app has its turn. `queueing` receives each wait for a turn: the one before the work, and those
   * in its pauses.
   */
  async run<T>(
    app: string,
    work: () => Promise<T>,
    queueing: Queueing = (wait) => wait,
  ): Promise<T> {
    if (this.#isTaken || this.#queue.size > 0 || this.#isResting(app)) {
      const turn = new Promise<void>((resolve) => this.#queue.add(app, resolve));
      this.#pump();
      await queueing(turn);
    } else this.#isTaken = true;
    const holder = { app, startedAt: this.#clock.now(), queueing };
    try {
      return await withPauses(() => this.#pause(holder), work);
    } finally {
      this.#end(holder);
    }
  }

  /** Between two slices: gives the turn to another app that waits, and resolves at the app's next turn. */
  async #pause(holder: Holder): Promise<void> {
    const { app, queueing } = holder;
    await this.#breathe();
    if (!this.#queue.hasSome((other) => other !== app && !this.#isResting(other))) return;
    // First of its app, so that not all of the app's expressions are half done at a time.
    const turn = new Promise<void>((resolve) => this.#queue.addFirst(app, resolve));
    this.#end(holder);
    await queueing(turn);
    holder.startedAt = this.#clock.now();
  }

  #end({ app, startedAt }: Holder): void {
    const now = this.#clock.now();
    const ms = now - startedAt;
    if (this.#last && this.#last.app !== app) this.#lastOther = this.#last;
    this.#last = { app, at: now };
    if (ms <= BRIEF_MS) {
      this.#isTaken = false;
      this.#pump();
      return;
    }
    this.#restUntil.set(app, now + Math.min(ms * REST_FACTOR, LONGEST_REST_MS));
    void this.#breathe().then(() => {
      this.#isTaken = false;
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#isTaken || this.#queue.size === 0) return;
    const next = this.#queue.take((app) => !this.#isResting(app));
    if (next) {
      this.#isTaken = true;
      next.item();
    } else this.#wakeAtEndOfRest();
  }

  /** Only apps that rest are in the queue. */
  #wakeAtEndOfRest(): void {
    this.#cancelAlarm();
    const ends = [...this.#restUntil].flatMap(([app, end]) => (this.#queue.has(app) ? [end] : []));
    const ms = Math.max(1, Math.min(...ends) - this.#clock.now());
    this.#cancelAlarm = this.#clock.after(Math.ceil(ms), () => this.#pump());
  }

  #isResting(app: string): boolean {
    const until = this.#restUntil.get(app);
    if (until === undefined) return false;
    if (until > this.#clock.now()) return this.#hasOthers(app);
    this.#restUntil.delete(app);
    return false;
  }

  /** Another app waits for a turn, or had one a short time ago. */
  #hasOthers(app: string): boolean {
    if (this.#queue.apps > (this.#queue.has(app) ? 1 : 0)) return true;
    const other = this.#last?.app === app ? this.#lastOther : this.#last;
    return other !== undefined && this.#clock.now() - other.at < ACTIVE_MS;
  }
}
