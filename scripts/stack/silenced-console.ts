// @supabase/lite writes every database error to the console, also errors that a client caused and receives.
// While its code runs, the console is silent; the callers report what concerns the stack.

import { AsyncLocalStorage } from 'node:async_hooks';

const inside = new AsyncLocalStorage<true>();

for (const method of ['error', 'warn', 'log'] as const) {
  const original = console[method].bind(console);
  console[method] = (...values: unknown[]) => {
    if (!inside.getStore()) original(...values);
  };
}

export function withSilencedConsole<T>(work: () => Promise<T>): Promise<T> {
  return inside.run(true, work);
}
