// The most frequent queries of the web client, the API and the engine, as the database receives them.

import { listStatement, writeCursor } from '../../functions/api/lists.ts';
import { RUNS } from '../../functions/api/routes/runs.ts';

export interface NamedQuery {
  name: string;
  /** With a member's claims (RLS applies), or by the engine as postgres. */
  as: 'member' | 'engine';
  text: string;
  values: (sample: Sample) => unknown[];
  /** Tables that must be reached by an index. */
  tables: string[];
  /** The function around it reads by indexes also where the planner expects a sequential scan to be cheaper. */
  hasIndexesOnly?: boolean;
  /** Rows that it may look up and discard, if more than 2,000: those of its page. */
  pageRows?: number;
  /** How long the median call may take in `npm run bench:queries`. */
  budgetMs?: number;
}

/** Values of a row in the middle of the filled database. */
export interface Sample {
  app_code: string;
  user_id: string;
  workflow_id: string;
  workflow_version_id: string;
  run_id: string;
  step_run_id: string;
  trace_id: string;
  created_at: Date;
}

const RUN = 'id, workflow_id, status, steps_completed, steps_total, started_at, completed_at';

/** A page of runs as the HTTP API reads it. */
function apiPage(
  name: string,
  given: (sample: Sample) => Record<string, unknown>,
  tables = ['runs'],
): NamedQuery {
  // The text has placeholders only, so each sample gives the same one.
  const text = listStatement(RUNS, given(NO_SAMPLE)).text;
  const values = (sample: Sample) => listStatement(RUNS, given(sample)).values;
  return { name: `runs of the HTTP API: ${name}`, as: 'member', text, values, tables };
}

/** The first page of a search. The function hides its plan, so the queries inside have their own entries. */
function search(name: string, filter: (sample: Sample) => Record<string, unknown>): NamedQuery {
  return {
    name: `search: ${name}`,
    as: 'member',
    text: 'select stepbase.search_runs($1::jsonb)',
    values: (sample) => [JSON.stringify(filter(sample))],
    tables: [],
    budgetMs: 150,
  };
}

/** Statistics by time. The function hides its plan; the query inside has an entry of its own. */
function statistics(name: string, call: string, budgetMs: number): NamedQuery {
  return {
    name: `statistics: ${name}`,
    as: 'member',
    text: `select stepbase.read_statistics(${call})`,
    values: () => [],
    tables: [],
    budgetMs,
  };
}

/** What a page of the web client reads with one call. The function hides its plan. */
const page = (name: string, call: string, budgetMs: number): NamedQuery => ({
  name: `page: ${name}`,
  as: 'member',
  text: `select stepbase.${call}`,
  values: () => [],
  tables: [],
  budgetMs,
});

const WEEK = `since => to_jsonb(now() - interval '7 days') #>> '{}'`;

/** Before the first row. */
const FIRST = '00000000-0000-0000-0000-000000000000';

const NO_SAMPLE: Sample = {
  app_code: '',
  user_id: '',
  workflow_id: '',
  workflow_version_id: '',
  run_id: '',
  step_run_id: '',
  trace_id: '',
  created_at: new Date(0),
};

export const NAMED_QUERIES: NamedQuery[] = [
  apiPage('first page', () => ({})),
  apiPage('later page', ({ created_at, run_id }) => ({
    cursor: writeCursor('-created_at', [created_at.toISOString(), run_id]),
  })),
  apiPage('later page of a status', ({ created_at, run_id }) => ({
    status: 'failed',
    cursor: writeCursor('-created_at', [created_at.toISOString(), run_id]),
  })),
  apiPage('oldest page', () => ({ sort: 'created_at' })),
  apiPage('last to end', () => ({ sort: '-completed_at' })),
  apiPage('of a trace', ({ trace_id }) => ({ trace_id })),
  statistics('workflows of a day', '', 150),
  statistics('steps of a day', `'step'`, 150),
  statistics('application of a week', `'application', ${WEEK}`, 500),
  statistics('workflows of a week', `'workflow', ${WEEK}`, 500),
  page('groups of failures of a week', 'dead_letter_groups()', 150),
  page('series of a day', 'read_statistics_series()', 100),
  page('counts of runs', 'count_runs()', 100),
  page('overview', 'read_overview()', 50),
  page('queues', 'read_queues()', 50),
  page('runs that wait for a queue', `list_waiting_runs('default')`, 50),
  page('workflows with their results', 'list_workflows()', 150),
  page('workflows by their last run', `list_workflows('{}', '-last_run_at')`, 150),
  {
    // As in stepbase_private.read_statistics.
    name: 'statistics: buckets of a day',
    as: 'engine',
    text: `select b.workflow_id, b.slot, sum(b.completed) from stepbase_engine.statistics_buckets b
      where b.app_code = $1 and b.bucket_at >= now() - interval '1 day' and b.bucket_at < now() and b.step_id is null
      group by b.workflow_id, b.slot`,
    values: ({ app_code }) => [app_code],
    tables: ['statistics_buckets'],
  },
  {
    name: 'runs: newest page',
    as: 'member',
    text: `select ${RUN} from stepbase.runs order by created_at desc, id desc limit 50`,
    values: () => [],
    tables: ['runs'],
  },
  {
    name: 'runs: later page',
    as: 'member',
    text: `select ${RUN} from stepbase.runs where created_at < $1 order by created_at desc, id desc limit 50`,
    values: ({ created_at }) => [created_at],
    tables: ['runs'],
  },
  {
    name: 'runs: page by status',
    as: 'member',
    text: `select ${RUN} from stepbase.runs where status = 'failed' order by created_at desc, id desc limit 50`,
    values: () => [],
    tables: ['runs'],
  },
  {
    name: 'runs: page of a workflow',
    as: 'member',
    text: `select ${RUN} from stepbase.runs where workflow_id = $1 order by created_at desc limit 50`,
    values: ({ workflow_id }) => [workflow_id],
    tables: ['runs'],
  },
  search('by id', ({ run_id }) => ({ id: run_id })),
  search('by idempotency key', () => ({ idempotency_key: 'key-500' })),
  search('by input value', () => ({ input: { order_id: 777 } })),
  search('by frequent input value', () => ({ input: { region: 'eu' } })),
  search('by frequent input value and status', () => ({
    input: { region: 'eu' },
    status: 'failed',
  })),
  search('by rare tag', () => ({ tag: 'tag-77' })),
  search('by frequent tag', () => ({ tag: 'vip' })),
  search('by two tags', () => ({ tag: ['vip', 'tag-77'] })),
  search('by status', () => ({ status: 'failed' })),
  search('by set of statuses', () => ({ status: ['failed', 'cancelled', 'running'] })),
  search('by status that no run has', () => ({ status: 'timed_out' })),
  search('by workflow', () => ({ workflow: 'bench-7' })),
  search('by version', () => ({ workflow: 'bench-7', version: 1 })),
  search('by time', ({ created_at }) => ({ created_before: created_at.toISOString() })),
  search('by trigger', () => ({ trigger_type: 'manual' })),
  search('by trigger that no run has', () => ({ trigger_type: 'webhook' })),
  search('by person', ({ user_id }) => ({ created_by: user_id })),
  search('by error code', () => ({ error_code: 'http_timeout' })),
  search('by error code that no run has', () => ({ error_code: 'nowhere' })),
  search('by text', () => ({ text: 'special parcels' })),
  search('by prefix', () => ({ text: 'spec parc' })),
  search('by text and status', () => ({ text: 'special parcels', status: 'failed' })),
  search('by conditions that no run meets', () => ({ tag: 'vip', status: 'timed_out' })),
  {
    // The scan of matching_runs for an input value.
    name: 'runs: of an input value',
    as: 'engine',
    text: `select created_at, run_id from stepbase.run_values
      where app_code = $1 and value = $2 and path = 'order_id' order by created_at desc, run_id desc limit 10000`,
    values: ({ app_code }) => [app_code, '777'],
    tables: ['run_values'],
  },
  {
    // The scan of matching_runs for a person.
    name: 'runs: of a person',
    as: 'engine',
    text: `select id from stepbase.runs where created_by = $1 and app_code = $2
      order by created_at desc, id desc limit 51`,
    values: ({ user_id, app_code }) => [user_id, app_code],
    tables: ['runs'],
  },
  {
    // The scan of matching_runs for an error code.
    name: 'runs: of an error code',
    as: 'engine',
    text: `select id from stepbase.runs
      where app_code = $1 and error is not null and error ->> 'code' = $2
      order by created_at desc, id desc limit 51`,
    values: ({ app_code }) => [app_code, 'http_timeout'],
    tables: ['runs'],
  },
  {
    name: 'runs: one by id',
    as: 'member',
    text: 'select * from stepbase.runs where id = $1',
    values: ({ run_id }) => [run_id],
    tables: ['runs'],
  },
  {
    // As in every transition: the runs that it locks.
    name: 'runs: some by id',
    as: 'engine',
    text: 'select 1 from stepbase.runs where id = any (array[$1::uuid]) order by id for no key update',
    values: ({ run_id }) => [run_id],
    tables: ['runs'],
  },
  {
    name: 'runs: by trace id',
    as: 'member',
    text: 'select id from stepbase.runs where trace_id = $1',
    values: ({ trace_id }) => [trace_id],
    tables: ['runs'],
  },
  {
    name: 'runs: children of one',
    as: 'member',
    text: 'select id, status from stepbase.runs where parent_run_id = $1',
    values: ({ run_id }) => [run_id],
    tables: ['runs'],
  },
  {
    // As in the view dead_letters and in redrive.
    name: 'runs: reruns of one',
    as: 'engine',
    text: `select id from stepbase.runs where origin_run_id = $1 and app_code = $2
      order by created_at desc, id desc limit 1`,
    values: ({ run_id, app_code }) => [run_id, app_code],
    tables: ['runs'],
  },
  {
    // As in stepbase_engine.check_canary.
    name: 'runs: last ended of a canary',
    as: 'engine',
    text: `select status from stepbase.runs
      where canary_id = $1 and status in ('completed', 'failed', 'timed_out')
      order by completed_at desc limit 20`,
    values: ({ run_id }) => [run_id],
    tables: ['runs'],
  },
  {
    // As in stepbase_engine.descendants_left.
    name: 'runs: of one trace',
    as: 'engine',
    text: 'select count(*) from (select 1 from stepbase.runs where trace_id = $1 limit 1001) r',
    values: ({ trace_id }) => [trace_id],
    tables: ['runs'],
  },
  {
    // As in stepbase_engine.check_open_runs.
    name: 'runs: open ones of an application',
    as: 'engine',
    text: `select count(*) from (
      select 1 from stepbase.runs where app_code = $1 and status in ('pending', 'running', 'paused') limit 10000
    ) r`,
    values: ({ app_code }) => [app_code],
    tables: ['runs'],
  },
  {
    // As in stepbase_engine.apply_flow_change.
    name: 'runs: next open ones of an application',
    as: 'engine',
    text: `select id, workflow_id, created_at from stepbase.runs
      where app_code = $1 and status = 'running' and created_at >= $2 and (created_at, id) > ($2, $3)
      order by created_at, id limit 1000`,
    values: ({ app_code, created_at, run_id }) => [app_code, created_at, run_id],
    tables: ['runs'],
  },
  {
    // As in stepbase_engine.apply_run_limits: the open ones of a page of apply_limit_change.
    name: 'runs: a page of a changed limit',
    as: 'engine',
    hasIndexesOnly: true,
    text: `select id from stepbase.runs r
      where r.id = any(array(
          select id from stepbase.runs
          where app_code = $1 and status = 'running' and created_at >= $2 and (created_at, id) > ($2, $3)
          order by created_at, id limit 1000
        ))
        and r.status in ('pending', 'running', 'paused') and (r.status <> 'paused' or r.started_at is not null)
        and r.held_by is null
        and not exists (
          select 1 from stepbase_engine.run_backlog b
          where b.run_id = r.id and b.workflow_limit = stepbase_engine.suspended_group()
        )
      order by r.id`,
    values: ({ app_code, created_at, run_id }) => [app_code, created_at, run_id],
    tables: ['runs'],
  },
  {
    // As in stepbase_engine.repair_flow_backlog.
    name: 'flow backlog: stale rows of a page',
    as: 'engine',
    hasIndexesOnly: true,
    text: `with page as materialized (
        select run_id from stepbase_engine.flow_backlog where run_id > $1 order by run_id limit 10000
      )
      select b.run_id from page p
      join stepbase_engine.flow_backlog b on b.run_id = p.run_id
      where not exists (select 1 from stepbase.runs r where r.id = b.run_id and r.status = 'pending')`,
    values: () => [FIRST],
    tables: ['flow_backlog', 'runs'],
    budgetMs: 500,
  },
  {
    // As in stepbase_engine.repair_flow_lines: without reading the runs that wait.
    name: 'flow backlog: next controls with waiting runs',
    as: 'engine',
    hasIndexesOnly: true,
    text: `with recursive control as (
        (
          select 1 as place, workflow_id, kind from stepbase_engine.flow_backlog
          where (workflow_id, kind) > ($1, '') order by workflow_id, kind limit 1
        )
        union all
        select c.place + 1, n.workflow_id, n.kind from control c
        cross join lateral (
          select workflow_id, kind from stepbase_engine.flow_backlog
          where (workflow_id, kind) > (c.workflow_id, c.kind) order by workflow_id, kind limit 1
        ) n
        where c.place < 1000
      )
      select count(*) from control`,
    values: () => [FIRST],
    tables: ['flow_backlog'],
    budgetMs: 200,
  },
  {
    // As in stepbase_engine.repair_flow_holds.
    name: 'flow holds: stale ones of a page',
    as: 'engine',
    hasIndexesOnly: true,
    text: `with page as materialized (
        select key_id from stepbase_engine.flow_holds where key_id > $1 order by key_id limit 10000
      )
      select h.key_id from page p
      join stepbase_engine.flow_holds h on h.key_id = p.key_id
      where h.opened_at < now() - interval '1 hour' and not exists (
        select 1 from stepbase.runs r where r.id = h.run_id and r.held_by is not null and r.status = 'pending'
      )`,
    values: () => [FIRST],
    tables: ['flow_holds', 'runs'],
    budgetMs: 500,
  },
  {
    // As in stepbase_engine.repair_batch_items.
    name: 'batch items: those of a page whose run has ended',
    as: 'engine',
    hasIndexesOnly: true,
    text: `with page as materialized (
        select run_id, place from stepbase_engine.batch_items
        where (run_id, place) > ($1, 0) order by run_id, place limit 10000
      )
      select p.run_id from page p
      where not exists (select 1 from stepbase.runs r where r.id = p.run_id and r.completed_at is null)`,
    values: () => [FIRST],
    tables: ['batch_items', 'runs'],
    pageRows: 10_000,
    budgetMs: 500,
  },
  {
    // As in stepbase_engine.repair_key_slots, for the runs that its control counts.
    name: 'run slots: missing ones of a page of runs',
    as: 'engine',
    hasIndexesOnly: true,
    text: `select r.id from stepbase.runs r
      where r.id = any(array(
          select id from stepbase.runs
          where app_code = $1 and status = 'running' and created_at >= $2 and (created_at, id) > ($2, $3)
          order by created_at, id limit 1000
        ))
        and r.started_at is not null
        and not exists (select 1 from stepbase_engine.run_slots s where s.run_id = r.id and s.limit_id = $3)`,
    values: ({ app_code, created_at, run_id }) => [app_code, created_at, run_id],
    tables: ['runs', 'run_slots'],
  },
  {
    // As in stepbase_engine.reconcile_admission.
    name: 'runs: pending ones of an application',
    as: 'engine',
    text: `select id from stepbase.runs
      where app_code = $1 and status = 'pending' and created_at < now() - interval '1 minute'`,
    values: ({ app_code }) => [app_code],
    tables: ['runs'],
  },
  {
    // As in stepbase_engine.release_due_runs.
    name: 'runs: held ones that are due',
    as: 'engine',
    text: `select id from stepbase.runs
      where held_by = 'start_at' and status = 'pending' and start_at <= now() order by start_at limit 200`,
    values: () => [],
    tables: ['runs'],
  },
  {
    // As in stepbase_engine.check_waiting_runs.
    name: 'runs: held ones of an application',
    as: 'engine',
    text: `select count(*) from (
      select 1 from stepbase.runs where app_code = $1 and held_by is not null and status = 'pending' limit 10000
    ) r`,
    values: ({ app_code }) => [app_code],
    tables: ['runs'],
  },
  {
    // As in sync_workflow_graph, when a draft is saved.
    name: 'runs: whether a version has one',
    as: 'engine',
    text: 'select 1 from stepbase.runs where workflow_version_id = $1 and app_code = $2 limit 1',
    values: ({ workflow_version_id, app_code }) => [workflow_version_id, app_code],
    tables: ['runs'],
  },
  {
    // As in stepbase_engine.drop_partitions.
    name: 'runs: whether one is older than a month',
    as: 'engine',
    text: `select exists (
      select 1 from stepbase.runs where app_code = $1 and created_at < now() - interval '1 month'
    )`,
    values: ({ app_code }) => [app_code],
    tables: ['runs'],
  },
  {
    name: 'dead letters: newest page',
    as: 'member',
    text: 'select run_id, error_code, failed_at from stepbase.dead_letters order by failed_at desc limit 50',
    values: () => [],
    tables: ['runs'],
  },
  {
    // As in redrive with a filter.
    name: 'dead letters: the oldest',
    as: 'engine',
    text: `select id from stepbase.runs
      where app_code = $1 and status in ('failed', 'timed_out') and parent_run_id is null
      order by completed_at limit 100 for no key update skip locked`,
    values: ({ app_code }) => [app_code],
    tables: ['runs'],
  },
  {
    name: 'runs: by idempotency key',
    as: 'engine',
    text: 'select id from stepbase.runs where app_code = $1 and idempotency_key = $2',
    values: ({ app_code }) => [app_code, 'key-500'],
    tables: ['runs'],
  },
  {
    name: 'runs: past their deadline',
    as: 'engine',
    text: `select id from stepbase.runs
      where deadline_at < now() and completed_at is null and started_at is not null limit 100`,
    values: () => [],
    tables: ['runs'],
  },
  {
    name: 'runs: open ones of a schedule',
    as: 'engine',
    text: `select id from stepbase.runs where trigger_type = 'schedule' and completed_at is null
      and metadata ->> 'schedule_id' = any ($1::text[]) order by id`,
    values: ({ app_code }) => [[app_code]],
    tables: ['runs'],
  },
  {
    name: 'runs: finished long ago',
    as: 'engine',
    text: `select id from stepbase.runs where app_code = $1 and completed_at < now() - interval '400 days'
      order by completed_at limit 1000`,
    values: ({ app_code }) => [app_code],
    tables: ['runs'],
  },
  {
    name: 'step runs of a run',
    as: 'member',
    text: 'select * from stepbase.step_runs where run_id = $1 order by created_at',
    values: ({ run_id }) => [run_id],
    tables: ['step_runs'],
  },
  {
    // As in stepbase_engine.complete: by id, under the lock of the run.
    name: 'step run: one by id',
    as: 'engine',
    text: 'select * from stepbase.step_runs where id = any (array[$1::uuid])',
    values: ({ step_run_id }) => [step_run_id],
    tables: ['step_runs'],
  },
  {
    // As in stepbase_engine.claim, release and end_tokens.
    name: 'step runs of a token',
    as: 'engine',
    text: `select id from stepbase.step_runs
      where job_id = any (array[$1::uuid]) and status in ('ready', 'running')`,
    values: ({ run_id }) => [run_id],
    tables: ['step_runs'],
  },
  {
    // As in stepbase_engine.runs_with_resumable_steps.
    name: 'step runs without a token',
    as: 'engine',
    text: `select app_code, workflow_version_id from stepbase.step_runs
      where status = 'ready' and job_id is null and limited_by is null
        and (app_code, workflow_version_id) > ($1, $2)
      order by app_code, workflow_version_id limit 1`,
    values: ({ app_code, workflow_version_id }) => [app_code, workflow_version_id],
    tables: ['step_runs'],
  },
  {
    // As in stepbase_engine.deliver_signals.
    name: 'steps that wait for a signal',
    as: 'engine',
    text: `select id from stepbase.step_runs
      where run_id = any (array[$1::uuid]) and status = 'waiting' and wait_kind = 'signal' and signal_name = 'go'`,
    values: ({ run_id }) => [run_id],
    tables: ['step_runs'],
  },
  {
    // As in stepbase_engine.steps_waiting_for_item.
    name: 'steps that wait for a work item',
    as: 'engine',
    text: `select id from stepbase.step_runs
      where work_queue_id = $1 and status = 'waiting' and wait_kind = 'queue' order by created_at, id limit 100`,
    values: ({ run_id }) => [run_id],
    tables: ['step_runs'],
  },
  {
    name: 'tasks of a user',
    as: 'member',
    text: `select id, run_id, task from stepbase.step_runs
      where assigned_to = $1 and status = 'waiting' order by created_at desc limit 50`,
    values: ({ user_id }) => [user_id],
    tables: ['step_runs'],
  },
  {
    name: 'tasks of the application',
    as: 'member',
    text: `select id, run_id, task from stepbase.step_runs
      where status = 'waiting' and wait_kind = 'task' order by created_at desc limit 50`,
    values: () => [],
    tables: ['step_runs'],
  },
  {
    name: 'step runs that are due',
    as: 'engine',
    text: `select id from stepbase.step_runs
      where status = 'waiting' and wake_at is not null and wake_at <= now() order by wake_at limit 100`,
    values: () => [],
    tables: ['step_runs'],
  },
  {
    name: 'events of a run after a seq',
    as: 'member',
    text: 'select * from stepbase.run_events where run_id = $1 and seq > 1 order by seq',
    values: ({ run_id }) => [run_id],
    tables: ['run_events'],
  },
  {
    name: 'newest events of a run',
    as: 'member',
    text: 'select * from stepbase.run_events where run_id = $1 order by seq desc limit 500',
    values: ({ run_id }) => [run_id],
    tables: ['run_events'],
  },
  {
    name: 'context of a run',
    as: 'member',
    text: 'select * from stepbase.run_context where run_id = $1 order by version',
    values: ({ run_id }) => [run_id],
    tables: ['step_runs'],
  },
  {
    name: 'context of a run at a version',
    as: 'member',
    text: 'select patch from stepbase.run_context where run_id = $1 and version <= $2',
    values: ({ run_id }) => [run_id, 1],
    tables: ['step_runs'],
  },
  {
    // As in stepbase_engine.load_outputs.
    name: 'one output of a run',
    as: 'engine',
    text: `select output from stepbase.step_runs
      where run_id = $1 and step_id = $2 and item_index = 0
        and (status = 'completed' or context_version is not null)`,
    values: ({ run_id }) => [run_id, 'first'],
    tables: ['step_runs'],
  },
  {
    name: 'outbox: next rows',
    as: 'engine',
    text: 'select id from stepbase.outbox where published_at is null order by id limit 100 for update skip locked',
    values: () => [],
    tables: ['outbox'],
  },
  {
    name: 'workflows: text search',
    as: 'member',
    text: 'select id, name from stepbase.search_workflows($1)',
    values: () => ['special parcels'],
    tables: ['workflows'],
  },
  {
    // The query inside stepbase_private.matching_workflows, because functions hide their plans.
    name: 'workflows: text search, inside',
    as: 'engine',
    text: `select id from stepbase.workflows
      where search @@ websearch_to_tsquery('english', $1) and deleted_at is null
        and app_code = $2`,
    values: ({ app_code }) => ['special parcels', app_code],
    tables: ['workflows'],
  },
  {
    // The scan of matching_runs for each workflow of a text.
    name: 'runs: text search, inside',
    as: 'member',
    text: `select id from stepbase.runs where workflow_id = $1 and app_code = $2 order by created_at desc limit 50`,
    values: ({ workflow_id, app_code }) => [workflow_id, app_code],
    tables: ['runs'],
  },
  {
    name: 'workflows: by name',
    as: 'member',
    text: 'select * from stepbase.workflows where app_code = $1 and kebab_name = $2',
    values: ({ app_code }) => [app_code, 'bench-7'],
    tables: ['workflows'],
  },
  {
    name: 'nodes of a version',
    as: 'engine',
    text: 'select * from stepbase.workflow_nodes where workflow_version_id = $1',
    values: ({ workflow_version_id }) => [workflow_version_id],
    tables: ['workflow_nodes'],
  },
  {
    name: 'edges that leave a node',
    as: 'engine',
    text: 'select * from stepbase.workflow_edges where workflow_version_id = $1 and source_node_id = $2',
    values: ({ workflow_version_id }) => [workflow_version_id, 'first'],
    tables: ['workflow_edges'],
  },
  {
    name: 'audit log: newest page',
    as: 'member',
    text: 'select * from stepbase.audit_log order by created_at desc limit 50',
    values: () => [],
    tables: ['audit_log'],
  },
];
