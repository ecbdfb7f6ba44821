// One request of the Data API, with its error as an error of the SDK.

import { errorOfAnswer } from './errors.ts';
import type { Query } from './like.ts';

export async function ask<T>(query: Query, signal: AbortSignal): Promise<T> {
  const { data, error, status } = await query.abortSignal(signal);
  if (error !== null) {
    signal.throwIfAborted();
    throw errorOfAnswer({ error, status });
  }
  return data as T;
}
