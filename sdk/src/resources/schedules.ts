// Schedules: starts of workflows at times of a cron expression.
import type { Backend } from '../backend.ts';
import { List, type ListOptions, REQUEST_MS } from '../list.ts';
import { type Args, COLLECTIONS, type Collection, OPERATIONS } from '../operations.ts';
import type { Backfill, OverlapPolicy, Schedule, ScheduleRun } from '../rows.ts';
import { type CallOptions, withDeadline } from '../time.ts';
import type { InputOf, NameOf, UntypedWorkflows, Workflows } from '../workflows.ts';

/** The settings of a schedule. */
export interface ScheduleSettings {
  /** Minute, hour, day, month and weekday. */
  cron?: string | undefined;
  /** The name that people see. */
  name?: string | undefined;
  /** An IANA name, such as `Europe/Berlin`; default: `UTC`. */
  timezone?: string | undefined;
  /** The input of each run. */
  input?: object | undefined;
  /** False: paused. Default: true. */
  enabled?: boolean | undefined;
  /** After this many starts the schedule is finished; null: no limit. */
  maxRuns?: number | null | undefined;
  /** What happens at a due time while a run of the schedule is open; default: `allow`. */
  overlapPolicy?: OverlapPolicy | undefined;
  /** How old a missed time may be to be made up for, from 60; default (null): one run for all missed times. */
  catchupWindowSeconds?: number | null | undefined;
  /** Delays each start by less than this; default: 0. */
  jitterSeconds?: number | undefined;
}

/** A schedule to create. */
export interface NewSchedule<Input extends object = object> extends ScheduleSettings {
  /** Minute, hour, day, month and weekday. */
  cron: string;
  /** The input of each run. */
  input?: Input | undefined;
  /** Also starts a run when the schedule is created. */
  startImmediately?: boolean | undefined;
}

/** The schedules of the application. */
export interface Schedules<W extends Workflows<W> = UntypedWorkflows> {
  /** The oldest first. */
  list(
    filter?: { workflow?: NameOf<W> | undefined; enabled?: boolean | undefined },
    options?: ListOptions,
  ): List<Schedule>;
  /** A schedule by its id. */
  get(scheduleId: string, options?: CallOptions): Promise<Schedule>;
  /** Creates a schedule of a workflow. */
  create<Name extends NameOf<W>>(
    workflow: Name,
    schedule: NewSchedule<InputOf<W[Name]> & object>,
    options?: CallOptions,
  ): Promise<Schedule>;
  /** Changes the named settings. */
  update(scheduleId: string, changes: ScheduleSettings, options?: CallOptions): Promise<Schedule>;
  /** Due times during a pause are skipped. */
  pause(scheduleId: string, options?: CallOptions): Promise<Schedule>;
  /** Due times are used again from now on. */
  resume(scheduleId: string, options?: CallOptions): Promise<Schedule>;
  /** Deletes the schedule; no further run starts. */
  delete(scheduleId: string, options?: CallOptions): Promise<void>;
  /** Starts a run now; `outcome` is `started` with `run_id`, `queued` or `skipped`. */
  runNow(
    scheduleId: string,
    options?: CallOptions & { overlapPolicy?: OverlapPolicy | undefined },
  ): Promise<ScheduleRun>;
  /** Up to ten times at which it is due next. */
  nextTimes(
    scheduleId: string,
    options?: CallOptions & { count?: number | undefined },
  ): Promise<string[]>;
  /** What became of its times, the newest first. */
  outcomes(scheduleId: string, options?: ListOptions): List<ScheduleRun>;
  /** Starts a run for each time of a past range. */
  backfill(scheduleId: string, range: BackfillRange, options?: CallOptions): Promise<Backfill>;
  /** How far a backfill is. */
  getBackfill(backfillId: string, options?: CallOptions): Promise<Backfill>;
  /** Starts no further run; those that were started go on. */
  cancelBackfill(backfillId: string, options?: CallOptions): Promise<Backfill>;
}

/** Past times of a schedule. */
export interface BackfillRange {
  /** A Date, or a text of ISO 8601. */
  from: Date | string;
  /** A Date, or a text of ISO 8601. */
  to: Date | string;
  /** `allow`: all runs start; `queue`: one after the other. */
  overlapPolicy?: 'allow' | 'queue' | undefined;
}

const timeOf = (time: Date | string): string =>
  typeof time === 'string' ? time : time.toISOString();

const columnsOf = (schedule: ScheduleSettings) => ({
  cron_expression: schedule.cron,
  name: schedule.name,
  timezone: schedule.timezone,
  input: schedule.input,
  is_enabled: schedule.enabled,
  max_runs: schedule.maxRuns,
  overlap_policy: schedule.overlapPolicy,
  catchup_window_seconds: schedule.catchupWindowSeconds,
  jitter_seconds: schedule.jitterSeconds,
});

export function createSchedules<W extends Workflows<W>>(backend: Backend): Schedules<W> {
  const { schedules, scheduleRuns, backfills } = COLLECTIONS;
  const request = <T>(
    what: string,
    options: CallOptions | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ) => withDeadline(what, options ?? {}, REQUEST_MS, work);
  const change = (scheduleId: string, columns: Args, options?: CallOptions) =>
    request('the change of the schedule', options, (signal) =>
      backend.change<Schedule>(schedules, scheduleId, columns, signal),
    );
  const list = <Row>(collection: Collection, filters: Args, options: ListOptions = {}) =>
    new List<Row>(
      `the list ${collection.route}`,
      (place, signal) => backend.page(collection, filters, place, signal),
      options,
    );

  return {
    list: ({ workflow, enabled } = {}, options) =>
      list(schedules, { workflow, is_enabled: enabled }, options),
    get: (scheduleId, options) =>
      request('the schedule', options, (signal) => backend.read(schedules, scheduleId, signal)),
    create: (workflow, schedule, options) =>
      request('the new schedule', options, async (signal) => {
        const columns = {
          ...columnsOf(schedule),
          workflow_id: await backend.workflowId(workflow, signal),
          start_immediately: schedule.startImmediately,
        };
        return await backend.create(schedules, columns, signal);
      }),
    update: (scheduleId, changes, options) => change(scheduleId, columnsOf(changes), options),
    pause: (scheduleId, options) => change(scheduleId, { is_enabled: false }, options),
    resume: (scheduleId, options) => change(scheduleId, { is_enabled: true }, options),
    delete: (scheduleId, options) =>
      request('the deletion of the schedule', options, (signal) =>
        backend.remove(schedules, scheduleId, signal),
      ),
    runNow: (scheduleId, { overlapPolicy, ...options } = {}) =>
      request('the run of the schedule', options, (signal) =>
        backend.call(
          OPERATIONS.runScheduleNow,
          { schedule_id: scheduleId, overlap_policy: overlapPolicy },
          signal,
        ),
      ),
    nextTimes: (scheduleId, { count, ...options } = {}) =>
      request('the next times of the schedule', options, (signal) =>
        backend.call(OPERATIONS.nextScheduleTimes, { schedule_id: scheduleId, count }, signal),
      ),
    outcomes: (scheduleId, options) => list(scheduleRuns, { schedule_id: scheduleId }, options),
    backfill: (scheduleId, { from, to, overlapPolicy }, options) =>
      request('the backfill', options, (signal) =>
        backend.call(
          OPERATIONS.backfillSchedule,
          {
            schedule_id: scheduleId,
            from_time: timeOf(from),
            to_time: timeOf(to),
            overlap_policy: overlapPolicy,
          },
          signal,
        ),
      ),
    getBackfill: (backfillId, options) =>
      request('the backfill', options, (signal) => backend.read(backfills, backfillId, signal)),
    cancelBackfill: (backfillId, options) =>
      request('the end of the backfill', options, (signal) =>
        backend.call(OPERATIONS.cancelBackfill, { backfill_id: backfillId }, signal),
      ),
  };
}
