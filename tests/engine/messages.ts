// The check of Realtime messages: those of a run follow each other without a gap up to its newest event, and a client
// that only applies them knows the status of every step.

import type pg from 'pg';

interface Step {
  step_id: string;
  item_index: number;
  attempt: number;
  status: string;
}

export interface RunMessage {
  run_id: string;
  seq_from: number;
  seq: number;
  status: string;
  steps: Step[];
  truncated?: true;
}

const MAX_STEPS = 50;
const MAX_BYTES = 32 * 1024;

const nameOf = (step: Step) => `${step.step_id}[${step.item_index}] attempt ${step.attempt}`;

/** The messages of runs, oldest first. */
export async function readMessages(
  db: pg.Pool,
  runIds: readonly string[],
): Promise<Map<string, RunMessage[]>> {
  const { rows } = await db.query<{ payload: RunMessage; bytes: number }>(
    `select m.payload, octet_length(m.payload::text) as bytes from realtime.messages m
     where m.topic = any(select 'stepbase:run:' || id from unnest($1::uuid[]) id) and m.event = 'run'
     order by (m.payload ->> 'seq')::bigint`,
    [runIds],
  );
  const tooLarge = rows.find(({ bytes }) => bytes > MAX_BYTES);
  if (tooLarge) throw new Error(`a message of run ${tooLarge.payload.run_id} is too large`);
  return Map.groupBy(
    rows.map(({ payload }) => payload),
    ({ run_id }) => run_id,
  );
}

/** What is wrong with the messages of ended runs; empty if nothing is. */
export async function messageProblems(db: pg.Pool, runIds: readonly string[]): Promise<string[]> {
  const messages = await readMessages(db, runIds);
  const { rows: runs } = await db.query<{ id: string; status: string; event_seq: string }>(
    'select id, status, event_seq from stepbase.runs where id = any($1)',
    [runIds],
  );
  const { rows: steps } = await db.query<Step & { run_id: string }>(
    'select run_id, step_id, item_index, attempt, status from stepbase.step_runs where run_id = any($1)',
    [runIds],
  );
  const stepsOf = Map.groupBy(steps, ({ run_id }) => run_id);
  return runs.flatMap((run) => problemsOf(run, messages.get(run.id) ?? [], stepsOf.get(run.id)));
}

function problemsOf(
  run: { id: string; status: string; event_seq: string },
  messages: readonly RunMessage[],
  steps: readonly Step[] = [],
): string[] {
  const problems: string[] = [];
  const wrong = (text: string) => problems.push(`${run.id} messages: ${text}`);
  // The creation of a run is announced to its app only.
  let last = messages[0]?.seq_from === 1 ? 0 : 1;
  const known = new Map<string, string>();
  for (const message of messages) {
    if (message.seq_from !== last + 1) wrong(`${message.seq_from} follows ${last}`);
    if (message.steps.length > MAX_STEPS) wrong(`${message.steps.length} steps in ${message.seq}`);
    last = message.seq;
    for (const step of message.steps) known.set(nameOf(step), step.status);
  }
  if (last !== Number(run.event_seq)) wrong(`the last seq is ${last}, not ${run.event_seq}`);
  if (last > 1 && messages.at(-1)?.status !== run.status) wrong(`the run is ${run.status}`);
  if (messages.some(({ truncated }) => truncated)) return problems;
  for (const step of steps) {
    const heard = known.get(nameOf(step));
    // A copy of a rerun, and an item that never started, have no event.
    if (heard !== undefined && heard !== step.status) {
      wrong(`${nameOf(step)} is ${step.status}, not ${heard}`);
    }
  }
  return problems;
}
