// The contract between a compiled workflow in Temporal and the bridge, which mirrors it into the database. Types only,
// so that the workflow sandbox, the activities and the bridge can import the file.
//
// Who decides. Temporal decides what executes: activities, attempts, delays, the order of steps. The database decides
// what its clients decide: tasks, approvals, signals, callbacks, work queues, children, deadlines of such waits, the
// deadline of the run, cancellation, pause. So a step that waits for one of these has no timer in Temporal: it ends by
// a command. Both sides walk the same graph by the same rules; CONTRACT.md states what follows from that.

/** JSON as Temporal's default data converter carries it. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Names a step run. */
export interface StepKey {
  node: string;
  /** 0: the step itself; from 1: an item of a for_each; -1: its compensation; below -1: a tool of an agent. */
  item: number;
  /** From 1. */
  attempt: number;
}

/** activityId of an attempt: `<node>/<item or ->/<attempt>`; a dash stands for item 0. */
export type ActivityId = `${string}/${string}/${number}`;

/** An output above the limit is stored, and travels as this reference (functions/_shared/outputs/reference.ts). */
export interface StoredOutput {
  $stepbase: 'storage';
  [member: string]: Json;
}

/** {code, message, retryable, retry_after_ms?, details?}, as StepError.toJSON() gives it. */
export interface StepFailure {
  code: string;
  message: string;
  retryable?: boolean;
  retry_after_ms?: number;
  details?: Json;
}

/** The step is complete. */
export interface CompletedOutcome {
  kind: 'completed';
  output: Json | StoredOutput;
  /** The branch that the step chose. */
  handle?: string;
  /** The resolved config with the names of secrets; omitted: not recorded. */
  input?: Json;
  /** detailsOf() of functions/worker/executor.ts: logs, emit, no_edge. */
  details?: { [key: string]: Json };
}

/** The step waits; `wait` is the argument of stepbase_engine.wait (waitOf() of functions/worker/completer.ts). */
export interface WaitingOutcome {
  kind: 'waiting';
  wait: {
    kind: 'task' | 'delay' | 'signal' | 'child' | 'items' | 'queue' | 'callback' | 'tools';
    /** A delay: when Temporal's timer ends it. */
    wake_at?: string;
    timeout_ms?: number;
    heartbeat_timeout_ms?: number;
    signal_name?: string;
    work_queue_id?: string;
    task?: Json;
    child?: Json;
    items?: Json[];
    concurrency?: number;
  };
  input?: Json;
}

/**
 * The result of every step activity. An attempt that fails throws an ApplicationFailure: type = code, details =
 * [StepFailure, input].
 */
export type ActivityResult = CompletedOutcome | WaitingOutcome;

/**
 * What the history says by no event of its own. The workflow writes records in order by
 * `upsertMemo({ [RECORDS]: StepRecord[] })`, which is one history event (WorkflowPropertiesModified) however many
 * records it holds. Before it schedules an activity or a timer and before it returns, it writes those that it holds
 * back.
 */
export type StepRecord =
  /** A step that the workflow computed itself (transform, condition, an ended delay). */
  | (StepKey & CompletedOutcome)
  /** A step that the workflow found to wait itself (delay, task, signal, for_each, …). */
  | (StepKey & WaitingOutcome)
  /** A failed attempt, of an activity too; retry_at: the next attempt follows at that time. */
  | (StepKey & { kind: 'failed'; error: StepFailure; input?: Json; retry_at?: string })
  /** The workflow ends the run for a reason of its own, for example a cancellation in Temporal's UI. */
  | { kind: 'ended'; status: EndStatus; error: StepFailure };

/** How a run ends early. */
export type EndStatus = 'failed' | 'cancelled' | 'timed_out';

/** Key of the memo that carries the records. */
export const RECORDS = 'stepbase_records';

/** Name of the signal that carries commands. */
export const COMMAND_SIGNAL = 'stepbase';

/** What the database decided. */
export type Decision =
  /** A waiting step is complete. */
  | (StepKey & { kind: 'resolve'; output: Json | StoredOutput; handle?: string })
  /**
   * A waiting step failed. retry_at: the next attempt follows then; otherwise the node's error edge, on_error, or the end
   * of the run.
   */
  | (StepKey & { kind: 'reject'; error: StepFailure; retry_at?: string })
  | { kind: 'pause' }
  | { kind: 'resume' }
  /** The run ends: cancel what is open; compensate completed steps if `compensate`; then return. */
  | { kind: 'end'; status: EndStatus; error: StepFailure; compensate: boolean };

/** Commands arrive at least once and, per run, in the order of their ids; the workflow skips ids that it has seen. */
export type Command = { id: number } & Decision;

/** A step that a rerun takes over from its origin. */
export interface TakenStep {
  node: string;
  status: 'completed' | 'failed' | 'skipped';
  output?: Json | StoredOutput;
  handle?: string;
  error?: StepFailure;
  /** The run continues another one and has its compensations to do; false for a rerun. */
  is_compensable?: boolean;
}

/** The argument of a compiled workflow. Its workflow id is the run id. */
export interface StartArgs {
  run: {
    id: string;
    app_code: string;
    /** kebab_name. */
    workflow: string;
    version: number;
    workflow_version_id: string;
    trace_id: string;
    traceparent?: string;
    created_at: string;
  };
  input: Json;
  /** Results of a rerun from a step; their edges are resolved before the first step starts. */
  taken?: TakenStep[];
  /** Set by the workflow itself when it continues as new: its whole state. */
  state?: Json;
}
