// From which round a worker fetches. Every fetched token leaves a dead entry in the index of the queue until vacuum
// removes it, which it cannot while an older transaction is open; a search of the whole queue reads all of them.

import type { Clock } from '../../_shared/clock/clock.ts';

/**
 * How often a worker that finds tokens searches the whole queue. A transaction that takes longer from adding a token
 * to its commit may add it before the start of the queue, where only this search finds it.
 */
export const LOOK_MS = 250;

/** The round of the first token, if there is one, and the round of the next token in an empty queue. */
export interface Look {
  firstRound: number | undefined;
  next: number;
}

export class QueueStart {
  /** Searches the whole queue and moves its start, given the last round fetched since the preceding look. */
  readonly #look: (lastFetched: number | undefined) => Promise<Look>;
  readonly #clock: Pick<Clock, 'now'>;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #lastFetched: number | undefined;
  #next: number | undefined;
  #round: number | undefined;

  constructor(look: (lastFetched: number | undefined) => Promise<Look>, clock: Pick<Clock, 'now'>) {
    this.#look = look;
    this.#clock = clock;
  }

  /** The round to fetch from; undefined: from the very first. */
  async round(): Promise<number | undefined> {
    const now = this.#clock.now();
    if (now - this.#lookedAt < LOOK_MS) return this.#round;
    // A quiet queue: the fetch itself searches all of it.
    if (this.#lastFetched === undefined) return undefined;
    const { firstRound, next } = await this.#look(this.#lastFetched);
    // The next round as the preceding look found it: transactions under way may still add tokens there.
    this.#round =
      this.#next === undefined ? undefined : Math.min(this.#next, next, firstRound ?? next);
    this.#next = next;
    this.#lookedAt = now;
    this.#lastFetched = undefined;
    return this.#round;
  }

  noteFetched(rounds: readonly number[]): void {
    for (const round of rounds) {
      if (this.#lastFetched === undefined || round > this.#lastFetched) this.#lastFetched = round;
    }
  }
}
