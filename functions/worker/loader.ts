// Loads that are asked for one by one and answered by one statement: keys asked for in the same
// turn of the event loop go together.

export interface Loader<K, V> {
  load(key: K): Promise<V>;
}

/** `loadAll` answers in the order of its keys. */
export function createLoader<K, V>(
  loadAll: (keys: K[]) => Promise<V[]>,
  limit = 500,
): Loader<K, V> {
  interface Asked {
    key: K;
    resolve(value: V): void;
    reject(error: unknown): void;
  }
  let asked: Asked[] = [];

  async function run(): Promise<void> {
    await Promise.resolve();
    const batch = asked;
    asked = [];
    for (let from = 0; from < batch.length; from += limit) {
      const part = batch.slice(from, from + limit);
      try {
        const values = await loadAll(part.map((a) => a.key));
        for (const [i, a] of part.entries()) a.resolve(values[i] as V);
      } catch (error) {
        for (const a of part) a.reject(error);
      }
    }
  }

  return {
    load: (key) =>
      new Promise((resolve, reject) => {
        asked.push({ key, resolve, reject });
        if (asked.length === 1) void run();
      }),
  };
}
