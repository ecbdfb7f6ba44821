// @supabase/lite writes every database error to the console, also those a client caused and is told of.
// While its code runs, the console is silent; what is ours to report is reported by the callers.

import { AsyncLocalStorage } from 'node:async_hooks';

const inside = new AsyncLocalStorage<true>();

for (const method of ['error', 'warn', 'log'] as const) {
  const original = console[method].bind(console);
  console[method] = (...values: unknown[]) => {
    if (!inside.getStore()) original(...values);
  };
}

export function quietly<T>(work: () => Promise<T>): Promise<T> {
  return inside.run(true, work);
}
