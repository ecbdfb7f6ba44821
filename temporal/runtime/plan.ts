// What a compiled workflow states about its steps, and what it passes to their activities.

import type { Json, StartArgs, StepFailure, StepKey } from '../records.ts';

/** As `data.retry` of a node. */
export interface RetryPolicy {
  max_attempts?: number;
  backoff?: 'fixed' | 'exponential';
  delay_ms?: number;
  max_delay_ms?: number;
  /** The random share of the delay, 0 to 1; true: 0.5. */
  jitter?: number | boolean;
  max_elapsed_ms?: number;
  retry_on?: readonly (string | number)[];
  do_not_retry_on?: readonly (string | number)[];
}

export interface AttemptPlan {
  /** The outputs that the config reads. */
  reads?: readonly string[] | 'all';
  /** The config reads the input of the run. */
  readsInput?: boolean;
  /** The step has no side effects, or only starts a wait: it runs as a local activity. */
  isLocal?: boolean;
  /** The longest time of an attempt, in milliseconds; five minutes by default. */
  timeoutMs?: number;
  retry?: RetryPolicy;
}

export interface StepPlan extends AttemptPlan {
  /** The run continues after a failure without an edge for it. */
  onError?: 'continue';
  /** The handles of failures that an edge leaves by. */
  failureEdges?: readonly ('error' | 'timeout')[];
}

/** The argument of every step activity. */
export interface AttemptCall extends StepKey {
  run: StartArgs['run'];
  input?: Json;
  /** The outputs by node that the config reads; marks for large ones (payloads.ts). */
  outputs: Record<string, Json>;
  /** The element of the list. */
  element?: Json;
  /** $now of expressions, in milliseconds since 1970. */
  now: number;
  /** $random of expressions. */
  seed: number;
  /** What is left of max_elapsed_ms. */
  leftMs?: number;
}

/** How a step ended. */
export type StepEnd =
  | { status: 'completed'; output: Json; handle?: string }
  /** handle: the failure edge; without one the run continues by the edges without a handle. */
  | { status: 'failed'; output: Json; handle?: string }
  | { status: 'skipped' };

/** How far a step or an item is. The state of a run is these, so it can continue as new. */
export interface Progress {
  attempt: number;
  /** When the first attempt started. */
  startedAt?: number;
  /** When the next attempt or the end of a delay is due. */
  dueAt?: number | undefined;
  wait?: 'delay' | 'items' | 'command' | undefined;
  items?: Json[] | undefined;
  concurrency?: number;
  end?: StepEnd;
  /** A rerun took the result over from its origin. */
  isTaken?: boolean;
}

/** Why a run ends before its last step. */
export interface Ending {
  status: 'failed' | 'cancelled' | 'timed_out';
  error: StepFailure & { step_id?: string };
  compensates: boolean;
}

/** Everything that a run continues with. */
export interface RunState {
  /** By `<node>/<item>`. */
  steps: Record<string, Progress>;
  lastCommand: number;
  isPaused: boolean;
  ending?: Ending;
}
