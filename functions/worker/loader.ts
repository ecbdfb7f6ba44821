// A batching loader: callers load one key each; keys requested in the same turn of the event loop are loaded
// by one statement.

export interface Loader<K, V> {
  load(key: K): Promise<V>;
}

/** `loadAll` returns the values in the order of its keys. */
export function createLoader<K, V>(
  loadAll: (keys: K[]) => Promise<V[]>,
  limit = 500,
): Loader<K, V> {
  interface Request {
    key: K;
    resolve(value: V): void;
    reject(error: unknown): void;
  }
  let requests: Request[] = [];

  async function run(): Promise<void> {
    await Promise.resolve();
    const batch = requests;
    requests = [];
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
        requests.push({ key, resolve, reject });
        if (requests.length === 1) void run();
      }),
  };
}
