// Handlers: the code of a component, with the schemas of its input and output and the way it answers.
import type { StepLog } from './log.ts';
import type { StandardSchema } from './schema.ts';

/** The facts of a call, for its handler. */
export interface StepCallContext {
  /** The name of the component. */
  readonly component: string;
  /** The run, and the workflow that it is of. */
  readonly run: { id: string; application: string; workflow: string; version: number };
  /** The step of the workflow, and its row in `step_runs`. */
  readonly step: { id: string; stepRunId: string; itemIndex: number | undefined };
  /** Counts from 1. */
  readonly attempt: number;
  /** The same for all attempts of the step: do the work once for each key. */
  readonly idempotencyKey: string;
  /** When Stepbase stops waiting for the answer. */
  readonly deadline: Date;
  /** The trace of the run, as W3C Trace Context. */
  readonly traceparent: string | undefined;
  /** Aborted at the deadline, and when a heartbeat finds that the run or this attempt has ended. */
  readonly signal: AbortSignal;
  /** Writes lines to the log of the attempt. They are gathered for half a second. */
  readonly log: StepLog;
  /** Sends a heartbeat. Rejects, and aborts the signal, if the run or this attempt has ended. */
  heartbeat(): Promise<void>;
}

/** The code of a component. What it returns is the output of the step. */
export type Handler<Input = unknown, Output = unknown> = (
  input: Input,
  ctx: StepCallContext,
) => Output | Promise<Output>;

/** A handler, and how it is checked and answered. */
export interface Definition<Input = unknown, Output = unknown> {
  /** Checks the input before the handler is called, and gives it its type. */
  input?: StandardSchema<unknown, Input> | undefined;
  /** Checks the output before it is sent. */
  output?: StandardSchema<unknown, Output> | undefined;
  /**
   * For long work: true answers 202 at once, a number after these milliseconds, but before the call's deadline. The result
   * is sent by a callback.
   * Default: the handler must be done before the call's deadline.
   */
  later?: true | number | undefined;
  /** The interval of heartbeats after 202, in milliseconds; default: 20 s. `false`: only `ctx.heartbeat()`. */
  heartbeatMs?: number | false | undefined;
  /** The code of the component. */
  run: Handler<Input, Output>;
}

/** A handler with its schemas. */
export function handler<Input = unknown, Output = unknown>(
  definition: Definition<Input, Output>,
): Definition<Input, Output> {
  return definition;
}

/** Fails the step with a code of its own. */
export class StepFailure extends Error {
  override readonly name = 'StepFailure';
  /** The code that the step fails with. */
  readonly code: string;
  /** Whether the retry policy of the step applies. */
  readonly retryable: boolean;

  /** `code`: stable, in snake_case. `retryable`: the retry policy of the step applies. */
  constructor(
    code: string,
    message: string,
    options: { retryable?: boolean; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}

/** The run or the attempt has ended: the work is not needed any more. */
export class CancelledError extends Error {
  override readonly name = 'CancelledError';
  /** @internal */
  constructor() {
    super('The run or the attempt has ended');
  }
}
