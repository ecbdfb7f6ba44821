// The time limit of an attempt. The time that an attempt waits for a turn or a thread does not count.

import type { Clock } from '../_shared/clock/clock.ts';

export class AttemptLimit {
  readonly #clock: Clock;
  readonly #onExpired: () => void;
  #leftMs: number;
  #startedAt = 0;
  #waits = 0;
  #isEnded = false;
  #cancel = () => {};

  /** Starts at once. */
  constructor(clock: Clock, ms: number, onExpired: () => void) {
    this.#clock = clock;
    this.#leftMs = ms;
    this.#onExpired = onExpired;
    this.#start();
  }

  /** The limit stands still until `wait` has settled. */
  async exclude<T>(wait: Promise<T>): Promise<T> {
    if (this.#waits === 0) this.#stop();
    this.#waits += 1;
    try {
      return await wait;
    } finally {
      this.#waits -= 1;
      if (this.#waits === 0 && !this.#isEnded) this.#start();
    }
  }

  end(): void {
    this.#isEnded = true;
    this.#cancel();
  }

  #start(): void {
    this.#startedAt = this.#clock.now();
    this.#cancel = this.#clock.after(Math.max(0, this.#leftMs), this.#onExpired);
  }

  #stop(): void {
    this.#cancel();
    this.#leftMs -= this.#clock.now() - this.#startedAt;
  }
}
