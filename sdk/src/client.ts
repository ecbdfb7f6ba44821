// `createStepbase`: the same calls for users, over supabase-js, and for machines, over the HTTP API.
import type { Backend } from './backend.ts';
import type { ErrorCode } from './errors/codes.ts';
import type { ApiOptions } from './http/api.ts';
import { createHttpBackend } from './http/backend.ts';
import { List, REQUEST_MS } from './list.ts';
import { OPERATIONS } from './operations.ts';
import { createOperations, type Operations } from './resources/operations.ts';
import { createSchedules, type Schedules } from './resources/schedules.ts';
import { createSecrets, type Secrets } from './resources/secrets.ts';
import { readStatistics, type Statistics, type StatisticsFilter } from './resources/statistics.ts';
import { createTasks, type Tasks } from './resources/tasks.ts';
import type { Run, RunSummary } from './rows.ts';
import { createRun, type RunHandle } from './run.ts';
import type { RunFilter } from './run-filter.ts';
import { createSupabaseBackend } from './supabase/backend.ts';
import type { SupabaseLike } from './supabase/like.ts';
import { type CallOptions, withDeadline } from './time.ts';
import type { InputOf, NameOf, UntypedWorkflows, Workflows } from './workflows.ts';

/** The options of a run that is started. */
export interface RunOptions {
  /** The same key returns the first run, if workflow and input are the same. A start with it is repeated after a lost answer. */
  idempotencyKey?: string | undefined;
  /** -100 to 100; of the waiting runs of an application, higher starts first. */
  priority?: number | undefined;
  /** Texts by which `search` finds the run. */
  tags?: readonly string[] | undefined;
  /** Stored with the run; its steps do not read it. */
  metadata?: object | undefined;
  /** The run does not start before this time: a Date, or a text of ISO 8601. Default: at once. */
  startAt?: Date | string | undefined;
}

/** The options of `start`. */
export interface StartOptions extends RunOptions, CallOptions {
  /** The number of a version; default: the published one. */
  version?: number | undefined;
}

/** One run of `startMany`. */
export interface StartItem<Input> extends RunOptions {
  /** The input of the run. */
  input: Input;
}

/** What became of an item of `startMany`. */
export interface StartOutcome {
  /** The place in `items`. */
  index: number;
  /** Null if the start was refused. */
  run_id: string | null;
  /** `existing`: the idempotency key started the run earlier. */
  status: 'started' | 'existing' | 'refused';
  /** Why the start was refused. */
  error?: { code: ErrorCode; message: string; [member: string]: unknown };
}

/** A run that was started, with its row as `start` returned it. */
export interface StartedRun<T> extends RunHandle<T> {
  /** The row of the run when it was started. */
  readonly row: Run;
}

/** The input may be left out if the workflow needs none. */
type StartArguments<Input> = object extends Input
  ? [input?: Input, options?: StartOptions]
  : [input: Input, options?: StartOptions];

/** The calls of a client. Each request has 30 seconds unless it states `timeoutMs`; errors are `StepbaseError`s. */
export interface Stepbase<W extends Workflows<W> = UntypedWorkflows> {
  /** Starts a run of a workflow, by its name. */
  start<Name extends NameOf<W>>(
    workflow: Name,
    ...given: StartArguments<InputOf<W[Name]>>
  ): Promise<StartedRun<W[Name]>>;
  /** Starts up to 1,000 runs in one transaction. Each item has its own outcome, in the order of the items. */
  startMany<Name extends NameOf<W>>(
    workflow: Name,
    items: readonly StartItem<InputOf<W[Name]>>[],
    options?: CallOptions & { version?: number | undefined },
  ): Promise<StartOutcome[]>;
  /** A run by its id. No request is sent. */
  run<Name extends NameOf<W> = NameOf<W>>(runId: string): RunHandle<W[Name]>;
  /** Finds runs, the newest first. */
  search(filter?: RunFilter, options?: CallOptions): List<RunSummary>;
  /** Emits an event of the application and returns its id. */
  emit(
    name: string,
    payload?: unknown,
    options?: CallOptions & { idempotencyKey?: string | undefined },
  ): Promise<string>;
  /** Steps that wait for a person. */
  readonly tasks: Tasks;
  /** Starts of workflows at times of a cron expression. */
  readonly schedules: Schedules<W>;
  /** Secrets of the application, without their values. */
  readonly secrets: Secrets;
  /** Cancel, pause, resume, redrive or rerun many runs. */
  readonly operations: Operations;
  /** Counts and durations of runs, or of steps, that ended in a time; the last 24 hours by default. */
  statistics(filter?: StatisticsFilter<NameOf<W>>, options?: CallOptions): Promise<Statistics>;
}

const startArgs = ({ idempotencyKey, priority, tags, metadata, startAt }: RunOptions) => ({
  idempotency_key: idempotencyKey,
  priority,
  tags,
  metadata,
  start_at: startAt instanceof Date ? startAt.toISOString() : startAt,
});

/** Where the HTTP API is, and who calls it. */
export type StepbaseOptions = ApiOptions;

/**
 * A client of Stepbase. Pass a client of supabase-js to act as its user, or `{ url, apiKey }` to act as a machine. The
 * type argument has the types of your workflows.
 */
export function createStepbase<W extends Workflows<W> = UntypedWorkflows>(
  caller: SupabaseLike | StepbaseOptions,
): Stepbase<W> {
  const backend: Backend =
    'apiKey' in caller ? createHttpBackend(caller) : createSupabaseBackend(caller);
  const request = <T>(
    what: string,
    options: CallOptions,
    work: (signal: AbortSignal) => Promise<T>,
  ) => withDeadline(what, options, REQUEST_MS, work);

  return {
    async start(workflow, ...[input, options = {}]) {
      const args = {
        workflow,
        input: input ?? {},
        version: options.version,
        ...startArgs(options),
      };
      const row = await request(`the start of ${workflow}`, options, (signal) =>
        backend.call<Run>(OPERATIONS.startRun, args, signal),
      );
      return { ...createRun(backend, row.id), row };
    },
    startMany: (workflow, items, options = {}) =>
      request(`the starts of ${workflow}`, options, (signal) =>
        backend.call(
          OPERATIONS.startRuns,
          {
            workflow,
            version: options.version,
            items: items.map((item) => ({ input: item.input, ...startArgs(item) })),
          },
          signal,
        ),
      ),
    run: (runId) => createRun(backend, runId),
    search: (filter = {}, options = {}) =>
      new List(
        'the search for runs',
        async ({ cursor }, signal) => {
          const { items, next_cursor: next } = await backend.call<{
            items: RunSummary[];
            next_cursor: string | null;
          }>(OPERATIONS.searchRuns, { filter, cursor }, signal);
          return { items, next: next ?? undefined };
        },
        options,
      ),
    emit: (name, payload, { idempotencyKey, ...options } = {}) =>
      request(`the event ${name}`, options, (signal) =>
        backend.call(
          OPERATIONS.emitEvent,
          { name, payload, idempotency_key: idempotencyKey },
          signal,
        ),
      ),
    tasks: createTasks(backend),
    schedules: createSchedules<W>(backend),
    secrets: createSecrets(backend),
    operations: createOperations(backend),
    statistics: (filter, options) => readStatistics(backend, filter, options),
  };
}
