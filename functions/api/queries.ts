// All statements of the API. Those that take a `Query` run as the caller (asCaller), so that row-level
// security and the checks of the RPCs apply; rows are returned as JSON in PostgREST's form.
import type { Db, Query, Row } from '../_shared/db/pool.ts';
import type { Sample } from '../_shared/metrics/text.ts';
import { toStorableJson } from '../_shared/text/storable.ts';

export type Json = Record<string, unknown>;

export interface One extends Row {
  value: Json;
}

/** The value of a statement that returns one row with a column `value`. */
export async function one(query: Query, text: string, values: unknown[]): Promise<Json> {
  const [row] = await query<One>(text, values);
  if (row === undefined) throw new Error('the statement returned no row');
  return row.value;
}

export interface StartRun {
  workflow: string;
  input: unknown;
  idempotencyKey: string | undefined;
  version: number | undefined;
  priority: number | undefined;
  tags: string[] | undefined;
  metadata: Json | undefined;
  startAt: string | undefined;
}

/**
 * The run, and whether this call created it; a repeated idempotency key returns the first run. The check
 * works because the snapshot of the statement does not contain the rows that the statement inserts.
 */
export async function startRun(
  query: Query,
  start: StartRun,
): Promise<{ run: Json; isNew: boolean }> {
  const [row] = await query<{ value: Json; is_new: boolean }>(
    `select to_jsonb(r) as value,
       not exists (select 1 from stepbase.runs before where before.id = r.id) as is_new
     from stepbase.start_run(
       workflow => $1, input => $2::jsonb, idempotency_key => $3, version => $4::int,
       priority => $5::int, tags => $6::text[], metadata => $7::jsonb, start_at => $8
     ) r`,
    [
      start.workflow,
      JSON.stringify(start.input),
      start.idempotencyKey ?? null,
      start.version ?? null,
      start.priority ?? null,
      start.tags ?? null,
      toStorableJson(start.metadata ?? {}),
      start.startAt ?? null,
    ],
  );
  if (row === undefined) throw new Error('start_run returned no run');
  return { run: row.value, isNew: row.is_new };
}

export interface StartRuns {
  workflow: string;
  items: unknown[];
  version: number | undefined;
}

/** One outcome for each item, in order. */
export async function startRuns(query: Query, start: StartRuns): Promise<Json[]> {
  const [row] = await query<{ value: Json[] }>(
    'select stepbase.start_runs(workflow => $1, items => $2::jsonb, version => $3::int) as value',
    [start.workflow, toStorableJson(start.items), start.version ?? null],
  );
  if (row === undefined) throw new Error('start_runs returned nothing');
  return row.value;
}

export interface SearchRuns {
  filter: Json;
  sort: string;
  limit: number;
  cursor?: string | undefined;
}

export const searchRuns = (query: Query, { filter, sort, limit, cursor }: SearchRuns) =>
  one(query, 'select stepbase.search_runs($1::jsonb, $2, $3, $4) as value', [
    toStorableJson(filter),
    sort,
    cursor ?? null,
    limit,
  ]);

/** The id of the event; the relay starts the workflows that it triggers. */
export async function emitEvent(
  query: Query,
  name: string,
  payload: unknown,
  idempotencyKey: string | undefined,
): Promise<string> {
  const [row] = await query<{ id: string }>(
    `select stepbase.emit_event(name => $1, payload => $2::jsonb, idempotency_key => $3) as id`,
    [name, toStorableJson(payload), idempotencyKey ?? null],
  );
  if (row === undefined) throw new Error('emit_event returned nothing');
  return row.id;
}

export interface Snapshot {
  run: Json;
  steps: Json[];
}

/** One statement, so that run.event_seq and the steps come from the same snapshot. */
export async function readRun(query: Query, runId: string): Promise<Snapshot | undefined> {
  const [row] = await query<{ run: Json; steps: Json[] }>(
    `select
       to_jsonb(r) as run,
       coalesce((
         select jsonb_agg(to_jsonb(s) order by s.created_at, s.step_id, s.item_index, s.attempt)
         from stepbase.step_runs s
         where s.run_id = r.id
       ), '[]') as steps
     from stepbase.runs r
     where r.id = $1`,
    [runId],
  );
  return row;
}

export interface EventPage {
  events: { seq: number; type: string }[];
  /** The last seq of the run, and whether it is final. */
  lastSeq: number;
  ended: boolean;
}

const PAGE = 500;

/** Events after `seq`, oldest first; undefined when the run is not visible to the caller. */
export async function readEvents(
  query: Query,
  runId: string,
  seq: number,
): Promise<EventPage | undefined> {
  const [row] = await query<{ value: EventPage }>(
    `select jsonb_build_object(
       'lastSeq', r.event_seq,
       'ended', s.is_terminal,
       'events', coalesce((
         select jsonb_agg(
           jsonb_build_object(
             'seq', e.seq, 'run_id', e.run_id, 'type', e.event_type, 'step_id', e.step_id,
             'item_index', e.item_index, 'attempt', e.attempt, 'payload', e.payload,
             'at', e.created_at
           ) order by e.seq
         )
         from (
           select * from stepbase.run_events
           where run_id = r.id and run_events.seq > $2
           order by run_events.seq
           limit ${PAGE}
         ) e
       ), '[]')
     ) as value
     from stepbase.runs r
     join stepbase.run_statuses s on s.name = r.status
     where r.id = $1`,
    [runId, seq],
  );
  return row?.value;
}

/** How many event streams the caller's application may have open in one process of the API. */
export async function maxStreams(query: Query): Promise<number> {
  const [row] = await query<{ value: number | null }>(
    'select stepbase_private.max_streams() as value',
    [],
  );
  return row?.value ?? 0;
}

export const cancelRun = (
  query: Query,
  runId: string,
  { reason, force }: { reason?: string | undefined; force?: boolean | undefined },
) =>
  one(query, 'select to_jsonb(r) as value from stepbase.cancel_run($1, $2, $3) r', [
    runId,
    reason ?? null,
    force ?? false,
  ]);

export const pauseRun = (query: Query, runId: string) =>
  one(query, 'select to_jsonb(r) as value from stepbase.pause_run($1) r', [runId]);

export const resumeRun = (query: Query, runId: string) =>
  one(query, 'select to_jsonb(r) as value from stepbase.resume_run($1) r', [runId]);

export async function sendSignal(
  query: Query,
  runId: string,
  name: string,
  payload: unknown,
): Promise<void> {
  await query('select stepbase.send_signal($1, $2, $3::jsonb)', [
    runId,
    name,
    JSON.stringify(payload),
  ]);
}

export type QueryAnswer =
  | { answer: unknown }
  | { expression: string; state: Json; return_type: Json | null };

/** The answer, or the expression and the state to evaluate it with. */
export async function queryRun(query: Query, runId: string, name: string): Promise<QueryAnswer> {
  const [row] = await query<{ value: QueryAnswer }>(
    'select stepbase_private.query_run($1, $2) as value',
    [runId, name],
  );
  if (row === undefined) throw new Error('query_run returned nothing');
  return row.value;
}

export const completeTask = (query: Query, stepRunId: string, output: unknown) =>
  one(query, 'select to_jsonb(s) as value from stepbase.complete_task($1, $2::jsonb) s', [
    stepRunId,
    JSON.stringify(output),
  ]);

export const decideApproval = (
  query: Query,
  stepRunId: string,
  approved: boolean,
  comment: string | undefined,
) =>
  one(query, 'select to_jsonb(s) as value from stepbase.decide_approval($1, $2, $3) s', [
    stepRunId,
    approved,
    comment ?? null,
  ]);

const taskAfter = (query: Query, call: string, values: unknown[]) =>
  one(query, `select to_jsonb(s) as value from stepbase.${call} s`, values);

export const claimTask = (query: Query, stepRunId: string) =>
  taskAfter(query, 'claim_task($1)', [stepRunId]);

export const releaseTask = (query: Query, stepRunId: string) =>
  taskAfter(query, 'release_task($1)', [stepRunId]);

export const delegateTask = (
  query: Query,
  stepRunId: string,
  userId: string,
  note: string | undefined,
) => taskAfter(query, 'delegate_task($1, $2, $3)', [stepRunId, userId, note ?? null]);

/** Readiness: each of these statements is one check; it runs with the function's own role. */
export async function pingDatabase(db: Db): Promise<void> {
  await db.query('select 1');
}

/** The schema of the queue is installed and the queue of all runs exists. */
export async function checkRealtime(db: Db): Promise<void> {
  const [realtime] = await db.query<{ ready: boolean }>(
    'select stepbase_private.has_realtime_policy() as ready',
  );
  if (!realtime?.ready) throw new Error('realtime.messages lacks the policy of Stepbase');
}

export async function pingQueue(db: Db): Promise<void> {
  const [queue] = await db.query<{ exists: boolean }>(
    'select stepbase_engine.has_queue() as exists',
  );
  if (!queue?.exists) throw new Error('the queue "steps" does not exist');
}

/** It runs with the function's own role, as the checks above: the caller belongs to no application. */
export async function readMetrics(db: Db, byApp: boolean): Promise<Sample[]> {
  return await db.query<Sample>('select name, labels, value from stepbase_engine.metrics($1)', [
    byApp,
  ]);
}
