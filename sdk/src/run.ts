// A run, by its id: its result, its events, and what a caller can do with it.
import type { Backend, WatchOptions } from './backend.ts';
import { RunError, type RunErrorCode, type RunFailure } from './errors/errors.ts';
import { REQUEST_MS } from './list.ts';
import { type Args, OPERATIONS, type Operation } from './operations.ts';
import type { Run, RunEvent, StepRun } from './rows.ts';
import { type CallOptions, streamWithDeadline, withDeadline } from './time.ts';
import type { OutputOf, QueriesOf, SignalsOf, UntypedWorkflow } from './workflows.ts';

/** The default time of `result` and `ended`. */
const RESULT_MS = 300_000;

/** A run by its id, and what a caller can do with it. */
export interface RunHandle<T = UntypedWorkflow> {
  /** The id of the run. */
  readonly id: string;
  /**
   * The output of the run when it has completed: the outputs of its end steps, by step id. Rejects with a `RunError` if
   * the run ends in another way, and with a `TimeoutError` after `timeoutMs` (default: 5 minutes), which does not stop
   * the run.
   */
  result(options?: CallOptions): Promise<OutputOf<T>>;
  /** The row of the run when it has ended, also without success; the deadline is that of `result`. */
  ended(options?: CallOptions): Promise<Run>;
  /**
   * Each event of the run once, in the order of `seq` and without a gap, until the run has ended. The loop survives lost
   * messages and cut connections, and has no deadline unless it states `timeoutMs`.
   */
  watch(options?: CallOptions & WatchOptions): AsyncGenerator<RunEvent, void, undefined>;
  /** The row of the run as it is now. */
  get(options?: CallOptions): Promise<Run>;
  /** All attempts of all steps. */
  steps(options?: CallOptions): Promise<StepRun[]>;
  /** Sends a signal. The run keeps it until a step waits for it. */
  signal<Name extends keyof SignalsOf<T> & string>(
    name: Name,
    payload?: SignalsOf<T>[Name],
    options?: CallOptions,
  ): Promise<void>;
  /** Answers a query without changing the run: `status`, `context`, `steps`, or one that the workflow declares. */
  query<Name extends keyof QueriesOf<T> & string>(
    name: Name,
    options?: CallOptions,
  ): Promise<QueriesOf<T>[Name]>;
  /** Cancels the run and compensates its completed steps; `force` ends it at once. */
  cancel(
    options?: CallOptions & { reason?: string | undefined; force?: boolean | undefined },
  ): Promise<Run>;
  /** Steps in flight finish; no new step starts. */
  pause(options?: CallOptions): Promise<Run>;
  /** Continues a paused run. */
  resume(options?: CallOptions): Promise<Run>;
}

const RUN_ERRORS: Readonly<Record<string, RunErrorCode>> = {
  failed: 'run_failed',
  cancelled: 'run_cancelled',
  timed_out: 'run_timed_out',
};

export function createRun<T>(backend: Backend, id: string): RunHandle<T> {
  const request = <Result>(
    what: string,
    options: CallOptions | undefined,
    work: (signal: AbortSignal) => Promise<Result>,
  ) => withDeadline(what, options ?? {}, REQUEST_MS, work);
  const call = <Result>(operation: Operation, args: Args, options?: CallOptions) =>
    request(operation.rpc, options, (signal) =>
      backend.call<Result>(operation, { run_id: id, ...args }, signal),
    );
  const ended = (options: CallOptions = {}) =>
    withDeadline(`the run ${id}`, options, RESULT_MS, (signal) => backend.ended(id, signal));

  return {
    id,
    ended,
    async result(options) {
      const run = await ended(options);
      const code = RUN_ERRORS[run.status];
      if (code === undefined) return run.output as OutputOf<T>;
      throw new RunError(code, id, (run.error ?? undefined) as RunFailure | undefined);
    },
    watch: ({ after, pollMs, ...options } = {}) =>
      streamWithDeadline(`the run ${id}`, options, (signal) =>
        backend.watch(id, { after, pollMs }, signal),
      ),
    get: (options) => request('the run', options, (signal) => backend.readRun(id, signal)),
    steps: (options) => request('the steps', options, (signal) => backend.readSteps(id, signal)),
    async signal(name, payload, options) {
      await call(OPERATIONS.sendSignal, { signal_name: name, payload }, options);
    },
    query: (name, options) => call(OPERATIONS.queryRun, { query_name: name }, options),
    cancel: ({ reason, force, ...options } = {}) =>
      call(OPERATIONS.cancelRun, { reason, force }, options),
    pause: (options) => call(OPERATIONS.pauseRun, {}, options),
    resume: (options) => call(OPERATIONS.resumeRun, {}, options),
  };
}
