// Turns on the worker's only thread: expressions of tenants run one at a time, and the apps take turns. An app that
// has used much time rests while other apps are active, so that its next long expression finds them served.
// Between long expressions the event loop gets to timers and connections.

import type { Clock } from '../_shared/clock/clock.ts';
import { FairQueue } from './fair-queue.ts';

/** A turn up to this length needs no rest and no pause. */
const BRIEF_MS = 20;
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

const untilNextTask = () => new Promise<void>((resolve) => setTimeout(resolve));

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

  constructor({ clock, breathe = untilNextTask }: TurnsOptions) {
    this.#clock = clock;
    this.#breathe = breathe;
  }

  /** Apps that wait for a turn. */
  get waiting(): number {
    return this.#queue.apps;
  }

  /** Does the work at the app's turn; `queueing` is told the time until then. */
  async run<T>(
    app: string,
    work: () => Promise<T>,
    queueing: (wait: Promise<void>) => Promise<void> = (wait) => wait,
  ): Promise<T> {
    if (this.#isTaken || this.#queue.size > 0 || this.#isResting(app)) {
      const turn = new Promise<void>((resolve) => this.#queue.add(app, resolve));
      this.#pump();
      await queueing(turn);
    } else this.#isTaken = true;
    const startedAt = this.#clock.now();
    try {
      return await work();
    } finally {
      this.#end(app, this.#clock.now() - startedAt);
    }
  }

  #end(app: string, ms: number): void {
    const now = this.#clock.now();
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
