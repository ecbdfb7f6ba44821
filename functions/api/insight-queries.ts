// Statements of what pages of an operator show: counts, groups of failures, queues, results of workflows, items of a
// for_each, emitted events. All run as the caller.
import type { Query } from '../_shared/db/pool.ts';
import { toStorableJson } from '../_shared/text/storable.ts';
import { type Json, type One, one } from './queries.ts';

export const readOverview = (query: Query) =>
  one(query, 'select stepbase.read_overview() as value', []);

export const countRuns = (query: Query, filter: Json) =>
  one(query, 'select stepbase.count_runs($1::jsonb) as value', [toStorableJson(filter)]);

export interface GroupsQuery {
  since?: string | undefined;
  until?: string | undefined;
  workflow?: string | undefined;
}

export const deadLetterGroups = (query: Query, { since, until, workflow }: GroupsQuery) =>
  one(query, 'select stepbase.dead_letter_groups($1, $2, $3) as value', [
    since ?? null,
    until ?? null,
    workflow ?? null,
  ]);

export async function readQueues(query: Query): Promise<Json[]> {
  const { items } = await one(
    query,
    "select jsonb_build_object('items', stepbase.read_queues()) as value",
    [],
  );
  return items as Json[];
}

export async function listWaitingRuns(query: Query, queue: string, limit: number): Promise<Json[]> {
  const { items } = await one(
    query,
    "select jsonb_build_object('items', stepbase.list_waiting_runs($1, $2::int)) as value",
    [queue, limit],
  );
  return items as Json[];
}

export interface SeriesQuery {
  since?: string | undefined;
  until?: string | undefined;
  step_minutes: number;
  workflow_id?: string | undefined;
}

export const readSeries = (query: Query, asked: SeriesQuery) =>
  one(query, 'select stepbase.read_statistics_series($1, $2, $3::int, $4::uuid) as value', [
    asked.since ?? null,
    asked.until ?? null,
    asked.step_minutes,
    asked.workflow_id ?? null,
  ]);

export interface SearchWorkflows {
  filter: Json;
  sort: string;
  limit: number;
  cursor?: string | undefined;
}

export const listWorkflows = (query: Query, { filter, sort, limit, cursor }: SearchWorkflows) =>
  one(query, 'select stepbase.list_workflows($1::jsonb, $2, $3, $4::int) as value', [
    toStorableJson(filter),
    sort,
    cursor ?? null,
    limit,
  ]);

export const countItems = (
  query: Query,
  { runId, stepId, buckets }: { runId: string; stepId: string; buckets: number },
) =>
  one(query, 'select stepbase.count_items($1::uuid, $2, $3::int) as value', [
    runId,
    stepId,
    buckets,
  ]);

export interface ItemsQuery {
  runId: string;
  stepId: string;
  status?: string | undefined;
  after: number;
  limit: number;
}

/** One row more than the page has, if there is one. */
export async function listItems(
  query: Query,
  { runId, stepId, status, after, limit }: ItemsQuery,
): Promise<Json[]> {
  const rows = await query<One>(
    'select to_jsonb(s) as value from stepbase.list_items($1::uuid, $2, $3, $4::int, $5::int) s',
    [runId, stepId, status ?? null, after, limit + 1],
  );
  return rows.map(({ value }) => value);
}

export const taskCounts = (query: Query) =>
  one(query, 'select stepbase.task_counts() as value', []);

export const commentTask = (query: Query, stepRunId: string, body: string) =>
  one(query, 'select to_jsonb(c) as value from stepbase.comment_task($1::uuid, $2) c', [
    stepRunId,
    body,
  ]);

export const listEvents = (
  query: Query,
  {
    name,
    cursor,
    limit,
  }: { name?: string | undefined; cursor?: string | undefined; limit: number },
) =>
  one(query, 'select stepbase.list_events($1, $2, $3::int) as value', [
    name ?? null,
    cursor ?? null,
    limit,
  ]);

export async function listDatabaseTriggers(query: Query): Promise<Json[]> {
  const rows = await query<One>(
    'select to_jsonb(t) as value from stepbase.list_database_triggers() t',
  );
  return rows.map(({ value }) => value);
}

export const replayWebhookCall = (query: Query, callId: string) =>
  one(query, 'select to_jsonb(c) as value from stepbase.replay_webhook_call($1::uuid) c', [callId]);

export const testWorkflow = (
  query: Query,
  workflow: string,
  given: { definition: unknown; input: Json; input_schema?: Json | undefined },
) =>
  one(
    query,
    'select to_jsonb(r) as value from stepbase.test_workflow($1, $2::jsonb, $3::jsonb, $4::jsonb) r',
    [
      workflow,
      toStorableJson(given.definition),
      toStorableJson(given.input),
      given.input_schema === undefined ? null : toStorableJson(given.input_schema),
    ],
  );
