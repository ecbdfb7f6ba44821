// Group commit: answers that arrive while a statement is under way go together in the next one, so
// the cost of a transaction is shared by all steps that finish at about the same time.

export interface Batcher<T> {
  add(item: T): void;
  /** Resolves when everything added so far is written. */
  drain(): Promise<void>;
  readonly size: number;
}

/**
 * `flush` gets at most `limit` items at a time, in the order they came, one call after the other.
 * It handles its own failures: a rejection is a fault of the program and goes to `onError`.
 */
export function createBatcher<T>(
  flush: (items: T[]) => Promise<void>,
  onError: (error: unknown, items: T[]) => void,
  limit = 200,
): Batcher<T> {
  const waiting: T[] = [];
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    // Lets everything that finished in this turn of the event loop join the batch.
    await Promise.resolve();
    while (waiting.length > 0) {
      const items = waiting.splice(0, limit);
      try {
        await flush(items);
      } catch (error) {
        onError(error, items);
      }
    }
    running = undefined;
  }

  return {
    add(item) {
      waiting.push(item);
      running ??= run();
    },
    async drain() {
      while (running) await running;
    },
    get size() {
      return waiting.length;
    },
  };
}
