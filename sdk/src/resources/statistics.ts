// Statistics: counts and durations of runs and steps.
import type { Backend } from '../backend.ts';
import { REQUEST_MS } from '../list.ts';
import { OPERATIONS } from '../operations.ts';
import { type CallOptions, withDeadline } from '../time.ts';

/** What is counted, and in which time. */
export interface StatisticsFilter<Name extends string = string> {
  /** Of runs: `application`, `project` or `workflow` (default); of attempts of steps: the others. */
  groupBy?: 'application' | 'project' | 'workflow' | 'step' | 'step_type' | 'component' | undefined;
  /** Runs that ended from this time: a Date, or a text of ISO 8601. Default: a day before `until`. */
  since?: Date | string | undefined;
  /** Runs that ended before this time; default: now. */
  until?: Date | string | undefined;
  /** Only this workflow. */
  workflow?: Name | undefined;
}

/** Counts and durations of one group; the ids that name the group depend on `groupBy`. */
export interface StatisticsItem {
  /** All that ended: completed, failed and cancelled. */
  total: number;
  /** Those that completed. */
  completed: number;
  /** With those that timed out. */
  failed: number;
  /** Those that were cancelled. */
  cancelled: number;
  /** From 0 to 1; null: none has completed or failed. */
  success_rate: number | null;
  /** Milliseconds; null: none has ended with a duration. */
  avg_duration_ms: number | null;
  /** Milliseconds that half of them needed at most, up to 10 % off. */
  p50_duration_ms: number | null;
  /** Milliseconds that 95 % of them needed at most, up to 10 % off. */
  p95_duration_ms: number | null;
  /** The ids and names of the group, such as `workflow_id`. */
  [group: string]: unknown;
}

/** The largest 1,000 groups. */
export interface Statistics {
  /** The time counts from here, included. */
  since: string;
  /** The time ends here, not included. */
  until: string;
  /** Earlier minutes are final. */
  settled_at: string;
  /** One for each group. */
  items: StatisticsItem[];
}

const textOf = (time: Date | string | undefined): string | undefined =>
  time instanceof Date ? time.toISOString() : time;

export function readStatistics(
  backend: Backend,
  { groupBy, since, until, workflow }: StatisticsFilter = {},
  options: CallOptions = {},
): Promise<Statistics> {
  return withDeadline('the statistics', options, REQUEST_MS, async (signal) => {
    const workflowId =
      workflow === undefined ? undefined : await backend.workflowId(workflow, signal);
    const args = {
      group_by: groupBy,
      since: textOf(since),
      until: textOf(until),
      workflow_id: workflowId,
    };
    return await backend.call(OPERATIONS.readStatistics, args, signal);
  });
}
