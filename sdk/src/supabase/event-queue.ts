// Events between the reader of the database and the loop of the caller: in order, without gaps, and at most some pages.
import { StepbaseError } from '../errors/errors.ts';
import type { RunEvent } from '../rows.ts';
import { until } from '../time.ts';

export class EventQueue {
  readonly #events: RunEvent[] = [];
  readonly #limit: number;
  readonly #waiting = new Set<() => void>();
  #last: number;
  #isClosed = false;
  #failure: { error: unknown } | undefined;

  constructor(after: number, limit: number) {
    this.#last = after;
    this.#limit = limit;
  }

  /** The seq of the newest event that was put in. */
  get last(): number {
    return this.#last;
  }

  push(event: RunEvent): void {
    if (event.seq <= this.#last) return;
    if (event.seq > this.#last + 1) {
      const message = `Event ${this.#last + 1} of the run ${event.run_id} is missing`;
      throw new StepbaseError('invalid_response', message);
    }
    this.#last = event.seq;
    this.#events.push(event);
    this.#wake();
  }

  close(): void {
    this.#isClosed = true;
    this.#wake();
  }

  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake();
  }

  /** Resolves when the caller has taken enough events. */
  async room(signal: AbortSignal): Promise<void> {
    while (this.#events.length >= this.#limit) await this.#change(signal);
  }

  /** The next event; undefined after the last one. */
  async next(signal: AbortSignal): Promise<RunEvent | undefined> {
    for (;;) {
      signal.throwIfAborted();
      const event = this.#events.shift();
      if (event !== undefined) {
        this.#wake();
        return event;
      }
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#isClosed) return undefined;
      await this.#change(signal);
    }
  }

  #change(signal: AbortSignal): Promise<void> {
    return until(
      signal,
      new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
      }),
    );
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
