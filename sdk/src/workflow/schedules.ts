// defineSchedule: a schedule in TypeScript, with the columns of a row of `workflow_schedules`.

import type { JsonObject } from './json.ts';
import type { Startable } from './steps.ts';

interface Settings {
  /** Distinguishes the schedules of a workflow; people see it, too. */
  readonly name?: string | undefined;
  /** Minute, hour, day, month and weekday, such as `0 7 * * mon-fri`. */
  readonly cron_expression: string;
  /** An IANA name, such as `Europe/Berlin`; default: `UTC`. */
  readonly timezone?: string | undefined;
  /** Stated: a push pauses or resumes it. Otherwise operators decide. */
  readonly is_enabled?: boolean | undefined;
  /** Also starts a run when the schedule is created. */
  readonly start_immediately?: boolean | undefined;
  /** After this many starts the schedule is finished. */
  readonly max_runs?: number | undefined;
  /** What happens at a due time while a run of the schedule is open; default: `allow`. */
  readonly overlap_policy?: 'allow' | 'skip' | 'queue' | 'cancel_previous' | undefined;
  /** How old a missed time may be to be made up for; default: one run for all missed times. */
  readonly catchup_window_seconds?: number | undefined;
  /** Delays each start by less than this. */
  readonly jitter_seconds?: number | undefined;
  /** The work queue whose next item is merged into the input: `workflow/queue`. */
  readonly work_queue?: string | undefined;
}

/** A schedule. `stepbase push` stores it. */
export interface Schedule extends Settings {
  /** The name of the workflow. */
  readonly workflow: string;
  readonly name: string;
  /** The input of each run. */
  readonly input?: JsonObject;
}

type WithInput<Input> = unknown extends Input
  ? { readonly input?: object | undefined }
  : Input extends object
    ? Record<never, never> extends Input
      ? { readonly input?: Input | undefined }
      : { readonly input: Input }
    : { readonly input?: object | undefined };

/** A schedule of a workflow, which is given by its name or as the result of defineWorkflow. */
export function defineSchedule<Input>(
  workflow: Startable<Input>,
  options: Settings & WithInput<Input>,
): Schedule;
export function defineSchedule(workflow: string, options: Settings & WithInput<unknown>): Schedule;
export function defineSchedule(
  workflow: string | { readonly kebab_name: string },
  options: Settings & { readonly input?: object | undefined },
): Schedule {
  const kebabName = typeof workflow === 'string' ? workflow : workflow.kebab_name;
  const { name = '', ...settings } = options;
  return { workflow: kebabName, name, ...settings } as Schedule;
}
