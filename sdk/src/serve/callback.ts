// The callbacks of a call: complete, fail, heartbeat and log. An answer is repeated until Stepbase has it.
import { ConflictError, isTransient, NotAuthenticatedError } from '../errors/errors.ts';
import { exchangeJson, type Fetch } from '../http/exchange.ts';
import { backoffMs, LONGEST_MS, pause } from '../time.ts';
import type { StepCall } from './message.ts';

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 30_000;
/** A request that is not answered until then is repeated. */
const REQUEST_MS = 30_000;

export interface Failure {
  /** Stable, in snake_case; the workflow can decide by it. */
  code: string;
  message: string;
  retryable: boolean;
}

export interface LogLine {
  level: 'debug' | 'info' | 'warn' | 'error';
  message: string;
  data?: object;
  at: string;
}

export interface Callback {
  complete(output: unknown): Promise<void>;
  fail(failure: Failure): Promise<void>;
  /** Whether the work is still needed: neither the run nor the attempt has ended. */
  heartbeat(signal: AbortSignal): Promise<{ isNeeded: boolean }>;
  log(lines: readonly LogLine[], signal: AbortSignal): Promise<void>;
}

export function createCallback(
  { callback }: Pick<StepCall, 'callback'>,
  /** Until then an answer is repeated. */
  deadline: Date,
  fetch: Fetch | undefined,
): Callback {
  const post = <T>(path: string, body: object, signal: AbortSignal) =>
    exchangeJson<T>({
      method: 'POST',
      url: `${callback.url}/${path}`,
      body: { token: callback.token, ...body },
      signal,
      fetch,
    });

  /** Repeats an answer until it is accepted, is refused, or too late. */
  async function answer(path: string, body: object): Promise<void> {
    const left = deadline.getTime() - Date.now();
    const end = AbortSignal.timeout(Math.max(0, Math.min(left, LONGEST_MS)));
    for (let failures = 0; ; failures += 1) {
      try {
        await post(path, body, AbortSignal.any([end, AbortSignal.timeout(REQUEST_MS)]));
        return;
      } catch (error) {
        if (isOver(error)) return;
        if (end.aborted || !isTransient(error)) throw error;
        const wait = backoffMs(FIRST_PAUSE_MS, failures, LONGEST_PAUSE_MS);
        await pause(error.retryAfterMs ?? wait, end);
      }
    }
  }

  async function heartbeat(signal: AbortSignal): Promise<{ isNeeded: boolean }> {
    try {
      const { cancelled } = await post<{ cancelled: boolean }>('heartbeat', {}, signal);
      return { isNeeded: !cancelled };
    } catch (error) {
      if (isOver(error)) return { isNeeded: false };
      throw error;
    }
  }

  return {
    complete: (output) => answer('complete', { output: output ?? null }),
    fail: (failure) => answer('fail', failure),
    heartbeat,
    log: (lines, signal) => post('log', { lines }, signal),
  };
}

/** The attempt has ended without this answer: superseded, cancelled, or expired. */
const isOver = (error: unknown): boolean =>
  error instanceof ConflictError || error instanceof NotAuthenticatedError;
