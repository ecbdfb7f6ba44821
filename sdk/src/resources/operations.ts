// Operations on many runs: a preview counts them, and workers act on them in slices.
import type { Backend } from '../backend.ts';
import { List, type ListOptions, REQUEST_MS } from '../list.ts';
import { type Args, COLLECTIONS, OPERATIONS, type Operation } from '../operations.ts';
import type { RunFilter } from '../run-filter.ts';
import { type CallOptions, withDeadline } from '../time.ts';

/** What to do, and with which runs. */
export interface OperationSelection {
  /** Each acts on the runs whose status allows it. */
  action: 'cancel' | 'pause' | 'resume' | 'redrive' | 'rerun' | 'signal';
  /** The filter of a search. */
  filter: RunFilter;
  /** `cancel`: without compensation. `redrive`: also runs that were redriven before. Not for other actions. */
  force?: boolean | undefined;
}

/** What an operation would do. */
export interface OperationPreview {
  /** The action of the selection. */
  action: string;
  /** Runs on which the operation would act. */
  count: number;
  /** False: more runs match than an operation may have. */
  is_complete: boolean;
  /** How many of them have which status. */
  by_status: Record<string, number>;
  /** Matching runs on which the operation would not act, by reason. */
  excluded: Record<string, number>;
  /** The ids of the 10 oldest runs. */
  sample: string[];
  /** Pass it to `start`. */
  preview: string;
  /** Until then `start` takes the preview. */
  expires_at: string;
}

/** The start of an operation. */
export interface OperationStart extends OperationSelection {
  /** `preview` of a preview with the same action, filter and force. */
  preview: string;
  /** The error message of cancelled runs. */
  reason?: string | undefined;
  /** What each run gets: needed by the action `signal`, and not for other actions. */
  signal?: { name: string; payload: unknown } | undefined;
  /** On how many runs it acts in a minute, 1 to 10,000; default: as fast as it can. */
  max_per_minute?: number | undefined;
}

/** An operation and its progress. Each of the `total` runs ends in `done`, `failed` or `skipped`. */
export interface RunOperation {
  /** The id of the operation. */
  id: string;
  /** The application. */
  app_code: string;
  /** What it does with each run. */
  action: string;
  /** Which runs it selected. */
  filter: unknown;
  /** `force` of its start. */
  is_forced: boolean;
  /** Why; null: none was given. */
  reason: string | null;
  /** What each run gets, `{name, payload}`; null for the other actions. */
  signal: unknown;
  /** On how many runs it acts in a minute; null: as fast as it can. */
  max_per_minute: number | null;
  /** `running`, then `completed` or `stopped`. */
  status: string;
  /** The selected runs. */
  total: number;
  /** Runs on which it had its effect. */
  done: number;
  /** Runs that refused the action. */
  failed: number;
  /** Runs whose status changed before. */
  skipped: number;
  /** The newest refusal, with its `code` and `message`; null: none. */
  last_error: unknown;
  /** The id of the user who started it; null: an API key, or a person who was deleted. */
  created_by: string | null;
  /** When it started. */
  created_at: string;
  /** When it acted on its last run or was stopped; null: it is running. */
  ended_at: string | null;
}

/** All conditions apply. */
export interface OperationFilter {
  /** Only operations with this status. */
  status?: 'running' | 'completed' | 'stopped' | undefined;
  /** Only operations with this action. */
  action?: OperationSelection['action'] | undefined;
}

/** The operations on many runs. */
export interface Operations {
  /** Counts the runs on which an operation would act, and changes nothing. Valid for 15 minutes. */
  preview(selection: OperationSelection, options?: CallOptions): Promise<OperationPreview>;
  /** Starts the operation that was previewed. */
  start(start: OperationStart, options?: CallOptions): Promise<RunOperation>;
  /** How far an operation is. */
  get(operationId: string, options?: CallOptions): Promise<RunOperation>;
  /** The newest first. */
  list(filter?: OperationFilter, options?: ListOptions): List<RunOperation>;
  /** Acts on no further run; an operation that has ended stays as it is. */
  stop(operationId: string, options?: CallOptions): Promise<RunOperation>;
}

export function createOperations(backend: Backend): Operations {
  const call = <T>(operation: Operation, args: Args, options: CallOptions = {}) =>
    withDeadline(operation.rpc, options, REQUEST_MS, (signal) =>
      backend.call<T>(operation, args, signal),
    );
  return {
    preview: ({ action, filter, force }, options) =>
      call(OPERATIONS.previewOperation, { action, filter, force }, options),
    start: ({ action, filter, force, preview, reason, signal, max_per_minute }, options) =>
      call(
        OPERATIONS.startOperation,
        { action, filter, force, preview, reason, signal, max_per_minute },
        options,
      ),
    get: (operationId, options = {}) =>
      withDeadline('the operation', options, REQUEST_MS, (signal) =>
        backend.read(COLLECTIONS.operations, operationId, signal),
      ),
    list: ({ status, action } = {}, options = {}) =>
      new List(
        'the list of operations',
        (place, signal) => backend.page(COLLECTIONS.operations, { status, action }, place, signal),
        options,
      ),
    stop: (operationId, options) =>
      call(OPERATIONS.stopOperation, { operation_id: operationId }, options),
  };
}
