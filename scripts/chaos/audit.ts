// The audit of finished runs: reads every row that the engine wrote about them and reports each inconsistency.
// Tests audit every run they start, the chaos harness all of its runs at once.

import type pg from 'pg';
import { leftOf } from './leftovers.ts';
import type { Defect, Problem } from './problem.ts';

interface RunRow {
  id: string;
  status: string;
  event_seq: string;
  context_version: number;
  open_steps: number;
  steps_completed: number;
  steps_total: number;
}

interface StepRow {
  run_id: string;
  step_id: string;
  item_index: number;
  attempt: number;
  status: string;
}

interface EventRow {
  run_id: string;
  seq: string;
  event_type: string;
  step_id: string | null;
  item_index: number | null;
  attempt: number | null;
  /** The one event of a step that started and completed in one transaction. */
  has_start: boolean;
}

export const TERMINAL: ReadonlySet<string> = new Set([
  'completed',
  'failed',
  'cancelled',
  'timed_out',
]);

const OPEN_STEPS: ReadonlySet<string> = new Set(['pending', 'ready', 'running', 'waiting']);

/** The status of a step run after an event; other events do not change it. */
const STEP_STATUS: Readonly<Record<string, string>> = {
  'step.ready': 'ready',
  'step.started': 'running',
  'step.waiting': 'waiting',
  'task.created': 'waiting',
  'step.completed': 'completed',
  'task.completed': 'completed',
  'signal.received': 'completed',
  'step.failed': 'failed',
  'step.retrying': 'failed',
  'step.skipped': 'skipped',
  'step.cancelled': 'cancelled',
};

const RUN_STATUS: Readonly<Record<string, string>> = {
  'run.started': 'running',
  'run.paused': 'paused',
  'run.completed': 'completed',
  'run.failed': 'failed',
  'run.cancelled': 'cancelled',
  'run.timed_out': 'timed_out',
};

type Transitions = ReadonlySet<string>;

const CHUNK = 200;

/** Every defect of these runs, all of which must have ended. */
export async function auditRuns(db: pg.Pool, runIds: readonly string[]): Promise<Problem[]> {
  const problems: Problem[] = [];
  const { rows: listed } = await db.query<{ key: string }>(
    "select entity || ':' || from_status || '>' || to_status as key from stepbase_engine.transitions",
  );
  const transitions = new Set(listed.map(({ key }) => key));
  for (let from = 0; from < runIds.length; from += CHUNK) {
    problems.push(...(await auditChunk(db, runIds.slice(from, from + CHUNK), transitions)));
  }
  return problems;
}

async function auditChunk(
  db: pg.Pool,
  runIds: readonly string[],
  transitions: Transitions,
): Promise<Problem[]> {
  const [runs, steps, events, contexts, jobs, left] = await Promise.all([
    db.query<RunRow>(
      `select id, status, event_seq, context_version, open_steps, steps_completed, steps_total
       from stepbase.runs where id = any($1::uuid[])`,
      [runIds],
    ),
    db.query<StepRow>(
      `select run_id, step_id, item_index, attempt, status
       from stepbase.step_runs where run_id = any($1::uuid[])`,
      [runIds],
    ),
    db.query<EventRow>(
      `select run_id, seq, event_type, step_id, item_index, attempt, payload ? 'started_at' as has_start
       from stepbase.run_events where run_id = any($1::uuid[]) order by run_id, seq`,
      [runIds],
    ),
    db.query<{ run_id: string; version: number }>(
      `select run_id, version from stepbase.run_context
       where run_id = any($1::uuid[]) order by run_id, version`,
      [runIds],
    ),
    db.query<{ run_id: string; id: string }>(
      `select data ->> 'run_id' as run_id, id from stepbase_queue.job
       where name = 'steps' and (data ->> 'run_id')::uuid = any($1::uuid[])`,
      [runIds],
    ),
    leftOf(db, runIds),
  ]);
  const problems: Problem[] = [...left];
  const found = new Map(runs.rows.map((run) => [run.id, run]));
  const stepsOf = Map.groupBy(steps.rows, (row) => row.run_id);
  const eventsOf = Map.groupBy(events.rows, (row) => row.run_id);
  const versionsOf = Map.groupBy(contexts.rows, (row) => row.run_id);
  const jobsOf = Map.groupBy(jobs.rows, (row) => row.run_id);
  for (const runId of runIds) {
    const say = (kind: Defect, text: string) => problems.push({ kind, runId, text });
    const run = found.get(runId);
    if (!run) {
      say('lost', 'the run does not exist');
      continue;
    }
    for (const job of jobsOf.get(runId) ?? [])
      say('orphan_job', `job ${job.id} is still in the queue`);
    checkEnd(run, stepsOf.get(runId) ?? [], say);
    checkEvents(run, stepsOf.get(runId) ?? [], eventsOf.get(runId) ?? [], transitions, say);
    const versions = (versionsOf.get(runId) ?? []).map(({ version }) => version);
    if (versions.length !== run.context_version || versions.some((v, i) => v !== i + 1)) {
      say('illegal_sequence', `context ${versions} for version ${run.context_version}`);
    }
  }
  return problems;
}

type Say = (kind: Defect, text: string) => void;

function nameOf(step: Pick<EventRow, 'step_id' | 'item_index' | 'attempt'>): string {
  return `${step.step_id}[${step.item_index ?? 0}]#${step.attempt ?? 1}`;
}

function checkEnd(run: RunRow, steps: readonly StepRow[], say: Say): void {
  if (!TERMINAL.has(run.status)) say('lost', `the run is ${run.status}`);
  if (run.open_steps !== 0) say('lost', `${run.open_steps} steps are counted as open`);
  for (const step of steps) {
    if (OPEN_STEPS.has(step.status)) say('lost', `${nameOf(step)} is ${step.status}`);
  }
  if (run.status === 'completed' && run.steps_completed !== run.steps_total) {
    say('lost', `${run.steps_completed} of ${run.steps_total} steps are counted as done`);
  }
  const completed = new Map<string, number>();
  for (const step of steps) {
    if (step.status !== 'completed') continue;
    const key = `${step.step_id}[${step.item_index}]`;
    completed.set(key, (completed.get(key) ?? 0) + 1);
  }
  for (const [key, times] of completed) {
    if (times > 1) say('completed_twice', `${key} has ${times} completed attempts`);
  }
}

function checkEvents(
  run: RunRow,
  steps: readonly StepRow[],
  events: readonly EventRow[],
  transitions: Transitions,
  say: Say,
): void {
  const wrong = (text: string) => say('illegal_sequence', text);
  if (Number(run.event_seq) !== events.length) {
    wrong(`event_seq is ${run.event_seq}, there are ${events.length} events`);
  }
  let runStatus = 'pending';
  const stepStatus = new Map<string, string>();
  const completions = new Map<string, number>();
  for (const [index, event] of events.entries()) {
    if (Number(event.seq) !== index + 1) wrong(`event ${index + 1} has seq ${event.seq}`);
    if (index === 0 && event.event_type !== 'run.created') wrong(`begins with ${event.event_type}`);
    if (event.step_id === null) {
      const next = nextRunStatus(event.event_type, events, index);
      if (next !== undefined) {
        if (!transitions.has(`run:${runStatus}>${next}`)) {
          wrong(`seq ${event.seq}: run ${runStatus} > ${next}`);
        }
        runStatus = next;
      }
      continue;
    }
    const status = STEP_STATUS[event.event_type];
    if (status === undefined) continue;
    const name = nameOf(event);
    for (const next of event.has_start ? ['running', status] : [status]) {
      const before = stepStatus.get(name) ?? ((event.attempt ?? 1) > 1 ? 'waiting' : 'pending');
      if (!follows(before, next, transitions)) {
        wrong(`seq ${event.seq}: ${name} ${before} > ${next}`);
      }
      stepStatus.set(name, next);
    }
    if (status === 'completed') completions.set(name, (completions.get(name) ?? 0) + 1);
  }
  for (const [name, times] of completions) {
    if (times > 1) say('completed_twice', `${name} has ${times} events of completion`);
  }
  if (TERMINAL.has(run.status) && runStatus !== run.status) {
    wrong(`events end with a ${runStatus} run, the run is ${run.status}`);
  }
  for (const step of steps) {
    const shown = stepStatus.get(nameOf(step));
    // Without an event: copied by a rerun, or an item or join that the run never reached.
    if (shown === undefined ? step.status === 'running' : shown !== step.status) {
      wrong(`events leave ${nameOf(step)} ${shown}, it is ${step.status}`);
    }
  }
}

function nextRunStatus(
  type: string,
  events: readonly EventRow[],
  index: number,
): string | undefined {
  if (type !== 'run.resumed') return RUN_STATUS[type];
  // A run that was paused before it started is pending again.
  const started = events.slice(0, index).some((event) => event.event_type === 'run.started');
  return started ? 'running' : 'pending';
}

/**
 * A transition of the engine's table, or one of the two that pass through `ready` without an event:
 * a retry that is due, and an attempt that another worker continues.
 */
function follows(before: string, after: string, transitions: Transitions): boolean {
  if (transitions.has(`step:${before}>${after}`)) return true;
  return after === 'running' && (before === 'waiting' || before === 'running');
}
