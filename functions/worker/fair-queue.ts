// A queue that is fair between apps: first in, first out within an app; between apps, in turn. With k apps in the
// queue, the next item of an app is taken after at most k - 1 items of others.

export class FairQueue<T> {
  /** The apps with items, in the order of their turns. */
  readonly #apps = new Map<string, T[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The number of apps with items. */
  get apps(): number {
    return this.#apps.size;
  }

  has(app: string): boolean {
    return this.#apps.has(app);
  }

  add(app: string, item: T): void {
    const items = this.#apps.get(app);
    if (items) items.push(item);
    else this.#apps.set(app, [item]);
    this.#size += 1;
  }

  /** Adds the item before the others of its app; the app comes after those that wait already. */
  addFirst(app: string, item: T): void {
    const items = this.#apps.get(app);
    this.#apps.delete(app);
    this.#apps.set(app, items ? [item, ...items] : [item]);
    this.#size += 1;
  }

  /** Whether one of the apps with items fulfils the condition. */
  hasSome(condition: (app: string) => boolean): boolean {
    return [...this.#apps.keys()].some(condition);
  }

  /** The next item of the first app in turn that `isEligible` accepts; that app goes to the end. */
  take(isEligible: (app: string) => boolean = () => true): { app: string; item: T } | undefined {
    for (const [app, items] of this.#apps) {
      if (!isEligible(app)) continue;
      const item = items.shift() as T;
      this.#size -= 1;
      this.#apps.delete(app);
      if (items.length > 0) this.#apps.set(app, items);
      return { app, item };
    }
    return undefined;
  }

  /** Removes the items that `matches` accepts, and returns them. */
  remove(matches: (item: T) => boolean): T[] {
    const removed: T[] = [];
    for (const [app, items] of this.#apps) {
      const kept = items.filter((item) => !matches(item));
      if (kept.length === items.length) continue;
      removed.push(...items.filter(matches));
      this.#size -= items.length - kept.length;
      if (kept.length === 0) this.#apps.delete(app);
      else this.#apps.set(app, kept);
    }
    return removed;
  }
}
