// Deadlines and pauses: each wait of the SDK ends at its deadline or by the signal of the caller.
import { TimeoutError } from './errors/errors.ts';

/** The options of each call. */
export interface CallOptions {
  /** Ends the call; it rejects with the reason of the signal. */
  signal?: AbortSignal | undefined;
  /**
   * Milliseconds after which the call rejects with a `TimeoutError`. Default: 30 s for a request, 5 minutes for `result` and
   * `ended`, none for `watch`.
   */
  timeoutMs?: number | undefined;
}

/** The longest time of a timer; a longer one would fire at once. */
export const LONGEST_MS = 2_147_483_647;

interface Deadline {
  /** Aborted at the deadline, or by the caller. */
  signal: AbortSignal;
  clear(): void;
}

function deadline(what: string, { signal, timeoutMs = LONGEST_MS }: CallOptions): Deadline {
  const over = new AbortController();
  const timer =
    timeoutMs < LONGEST_MS
      ? setTimeout(
          () => over.abort(new TimeoutError(`${what} took more than ${timeoutMs} ms`)),
          timeoutMs,
        )
      : undefined;
  return {
    signal: signal === undefined ? over.signal : AbortSignal.any([signal, over.signal]),
    clear: () => clearTimeout(timer),
  };
}

/** Resolves with the result of `work`, or rejects when the signal is aborted first. */
export async function until<T>(signal: AbortSignal, work: PromiseLike<T>): Promise<T> {
  if (signal.aborted) {
    // The work has begun, and its error would otherwise end the process.
    void Promise.resolve(work).catch(() => undefined);
    throw signal.reason;
  }
  let onAbort = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } catch (error) {
    // A request that was aborted fails with an error of its own.
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Runs `work` until its deadline. `what` names it in the error. */
export async function withDeadline<T>(
  what: string,
  { signal, timeoutMs }: CallOptions,
  defaultMs: number,
  work: (signal: AbortSignal) => PromiseLike<T>,
): Promise<T> {
  const end = deadline(what, { signal, timeoutMs: timeoutMs ?? defaultMs });
  try {
    end.signal.throwIfAborted();
    return await until(end.signal, work(end.signal));
  } finally {
    end.clear();
  }
}

/** The values of a stream until its deadline, which it has only if the caller names one. */
export async function* streamWithDeadline<T>(
  what: string,
  options: CallOptions,
  values: (signal: AbortSignal) => AsyncIterable<T>,
): AsyncGenerator<T, void, undefined> {
  const end = deadline(what, options);
  try {
    end.signal.throwIfAborted();
    yield* values(end.signal);
  } finally {
    end.clear();
  }
}

export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    await until(
      signal,
      new Promise<void>((resolve) => {
        timer = setTimeout(resolve, ms);
      }),
    );
  } finally {
    clearTimeout(timer);
  }
}

/** Doubles with each failure in a row, up to `longestMs`. */
export const backoffMs = (firstMs: number, failures: number, longestMs: number): number =>
  Math.min(firstMs * 2 ** Math.min(failures, 20), longestMs);
