// The rows and answers that calls return, with the names of the columns. JSON is `unknown`: it is checked where it is used.

/** The status of a run. The last four never change again. */
export type RunStatus =
  | 'pending'
  | 'running'
  | 'paused'
  | 'completed'
  | 'failed'
  | 'cancelled'
  | 'timed_out';

const ENDED: ReadonlySet<string> = new Set<RunStatus>([
  'completed',
  'failed',
  'cancelled',
  'timed_out',
]);

/** Whether a run with this status has ended: it never changes again. */
export const hasEnded = (status: string): boolean => ENDED.has(status);

/** A run without its input and output, as lists contain it. */
export interface RunSummary {
  id: string;
  app_code: string;
  workflow_id: string;
  workflow_version_id: string;
  status: string;
  trigger_type: string;
  /** Why a pending run waits for something other than room, such as `start_at`. */
  held_by: string | null;
  error: unknown;
  /** The `seq` of the newest event. */
  event_seq: number;
  idempotency_key: string | null;
  priority: number;
  tags: string[] | null;
  metadata: unknown;
  steps_completed: number;
  steps_total: number;
  created_by: string | null;
  parent_run_id: string | null;
  origin_run_id: string | null;
  trace_id: string;
  start_at: string | null;
  deadline_at: string | null;
  created_at: string;
  started_at: string | null;
  completed_at: string | null;
  duration_ms: number | null;
}

/** A run as its row in `runs` has it. */
export interface Run extends RunSummary {
  input: unknown;
  output: unknown;
}

/** An attempt of a step. */
export interface StepRun {
  id: string;
  run_id: string;
  step_id: string;
  step_type: string;
  /** 0: the step itself; from 1 on: an item of a for_each; -1: the compensation. */
  item_index: number;
  attempt: number;
  status: string;
  wait_kind: string | null;
  handle: string | null;
  input: unknown;
  output: unknown;
  error: unknown;
  created_at: string;
  started_at: string | null;
  completed_at: string | null;
  duration_ms: number | null;
}

/** A step that waits for a person. */
export interface Task extends StepRun {
  /** Title, description, form … */
  task: unknown;
  assigned_to: string | null;
  assigned_users: string[] | null;
  assigned_roles: string[] | null;
  claimed_by: string | null;
  claimed_at: string | null;
  completed_by: string | null;
  deadline_at: string | null;
}

/** An event of a run. `seq` counts from 1, without gaps. */
export interface RunEvent {
  seq: number;
  run_id: string;
  /** For example `run.created`, `step.completed`, `task.created`. */
  type: string;
  step_id: string | null;
  item_index: number | null;
  attempt: number | null;
  payload: Record<string, unknown>;
  at: string;
}

/** What happens at a due time of a schedule while one of its runs is open. */
export type OverlapPolicy = 'allow' | 'skip' | 'queue' | 'cancel_previous';

/** A schedule as its row in `workflow_schedules` has it, with its next times. */
export interface Schedule {
  id: string;
  workflow_id: string;
  name: string;
  cron_expression: string;
  timezone: string;
  input: unknown;
  is_enabled: boolean;
  start_immediately: boolean;
  overlap_policy: string;
  catchup_window_seconds: number | null;
  jitter_seconds: number;
  max_runs: number | null;
  runs_started: number;
  work_queue_id: string | null;
  next_run_at: string | null;
  next_times: string[];
  last_run_at: string | null;
  last_error: unknown;
  finished_at: string | null;
  created_at: string;
  updated_at: string;
}

/** What became of a time of a schedule. */
export interface ScheduleRun {
  id: string;
  schedule_id: string;
  scheduled_at: string;
  outcome: string;
  cause: string;
  detail: string | null;
  run_id: string | null;
  error: unknown;
  missed_until: string | null;
  created_at: string;
}

/** A backfill: the runs for the past times of a schedule, and how far it is. */
export interface Backfill {
  id: string;
  schedule_id: string;
  status: string;
  overlap_policy: string;
  from_time: string;
  to_time: string;
  times_total: number | null;
  times_done: number;
  times_skipped: number;
  times_failed: number;
  runs_started: number;
  last_error: unknown;
  created_at: string;
  completed_at: string | null;
}

/** A secret, without its value. */
export interface Secret {
  name: string;
  /** `operator`: an entry of Vault. */
  source: string;
  /** The version in use; null for `operator`. */
  version: number | null;
  /** Versions that a rollback can use again, the newest first. */
  versions: number[];
  /** The hosts that may receive it; null: every host. */
  allowed_hosts: string[] | null;
  /** Published workflows that name it. */
  workflows: string[];
  created_at: string;
  updated_at: string;
}

/** The version of a secret that a call made the one in use. */
export interface SecretVersion {
  name: string;
  version: number;
  allowed_hosts: string[] | null;
}
