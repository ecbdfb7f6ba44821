// Records what a fake service received; a test can wait for an item with a deadline.

interface Waiter<T> {
  matches: (item: T) => boolean;
  resolve: (item: T) => void;
}

export class Recorder<T> {
  readonly #what: string;
  readonly #items: T[] = [];
  readonly #waiters = new Set<Waiter<T>>();

  /** `what` names the items in the message of a missed deadline. */
  constructor(what: string) {
    this.#what = what;
  }

  get all(): readonly T[] {
    return this.#items;
  }

  add(item: T): void {
    this.#items.push(item);
    for (const waiter of [...this.#waiters]) {
      if (!waiter.matches(item)) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(item);
    }
  }

  /** The first matching item, received already or within the deadline. */
  async waitFor(matches: (item: T) => boolean = () => true, deadlineMs = 10_000): Promise<T> {
    const known = this.#items.find(matches);
    if (known !== undefined) return known;
    return await new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        reject(
          new Error(
            `no matching ${this.#what} within ${deadlineMs} ms (${this.#items.length} others came)`,
          ),
        );
      }, deadlineMs);
      const waiter: Waiter<T> = {
        matches,
        resolve: (item) => {
          clearTimeout(timer);
          resolve(item);
        },
      };
      this.#waiters.add(waiter);
    });
  }

  clear(): void {
    this.#items.length = 0;
  }
}
