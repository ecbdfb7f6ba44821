// Fills a migrated database with many runs, as after months of use.

import type pg from 'pg';
import type { Sample } from './named-queries.ts';

export const MEMBER = '00000000-0000-4000-8000-0000000bec01';
export const APP = 'bench';

const DEFINITION = {
  nodes: [
    { id: 'first', type: 'transform', data: { config: { expression: 'input' } } },
    { id: 'second', type: 'wait_for_approval', data: { config: { title: 'Go?' } } },
  ],
  edges: [{ id: 'e', source: 'first', target: 'second' }],
};

/** Two applications share the rows 9 : 1, so that no index wins by holding everything. */
async function makeOwners(client: pg.ClientBase, workflows: number): Promise<void> {
  await client.query(`
    insert into stepbase.organizations (id, slug, name)
    values ('00000000-0000-4000-8000-0000000bec00', 'bench', 'Bench');
    insert into stepbase.applications (app_code, organization_id, name)
    select a, '00000000-0000-4000-8000-0000000bec00', a from unnest(array['bench', 'bench-other']) a;
    insert into auth.users (id, aud, role, email) values ('${MEMBER}', 'authenticated', 'authenticated', 'bench@bench.example');
    insert into stepbase.app_members (app_code, user_id, role) values ('bench', '${MEMBER}', 'admin');
  `);
  await client.query(
    `with made as (
       insert into stepbase.workflows (app_code, kebab_name, name, description, searchable_inputs, created_by)
       select case when n % 10 = 0 then 'bench-other' else 'bench' end, 'bench-' || n, 'Bench ' || n,
         case when n % 50 = 7 then 'Handles special parcels.' else 'Nothing in particular.' end,
         '{order_id,region}', null
       from generate_series(1, $1::int) n
       returning id, app_code
     )
     insert into stepbase.workflow_versions (app_code, workflow_id, version, definition, created_by)
     select m.app_code, m.id, 1, $2::jsonb, null from made m`,
    [workflows, JSON.stringify(DEFINITION)],
  );
}

/**
 * Runs with their steps, results and events. Needs a superuser: triggers and foreign keys are off meanwhile to
 * save time; the rows satisfy them.
 */
export async function fill(
  client: pg.ClientBase,
  runs: number,
  workflows = 2_000,
): Promise<Sample> {
  await makeOwners(client, workflows);
  await client.query(`
    create temporary table owner as
    select w.id as workflow_id, w.app_code, v.id as version_id, row_number() over () - 1 as place
    from stepbase.workflows w join stepbase.workflow_versions v on v.workflow_id = w.id
    where w.kebab_name like 'bench-%';
    set session_replication_role = replica;
  `);
  await client.query(
    `insert into stepbase.runs (
       app_code, workflow_id, workflow_version_id, status, idempotency_key, input, steps_total, tags, created_by, error,
       start_at, held_by, created_at, started_at, completed_at, deadline_at, event_seq, context_version
     )
     select o.app_code, o.workflow_id, o.version_id, s.status, 'key-' || n,
       jsonb_build_object('order_id', n % 100000, 'region', case when n % 3 = 0 then 'eu' else 'us' end), 2,
       case when n % 10 = 0 then array['vip', 'tag-' || n % 1000] end, case when n % 5 = 0 then $3::uuid end,
       case when s.status in ('failed', 'cancelled') then jsonb_build_object(
         'message', 'x', 'code', case when n % 100 = 95 then 'http_timeout' when s.status = 'failed' then 'x' else 'cancelled' end
       ) end,
       case when s.status = 'pending' then now() + n * interval '1 s' end,
       case when s.status = 'pending' then 'start_at' end,
       s.at, case when s.status <> 'pending' then s.at end,
       case when s.status not in ('running', 'pending') then s.at + interval '2 s' end,
       now() + interval '1 hour', 3, case when s.status = 'running' then 1 else 2 end
     from generate_series(1, $1::int) n
     join owner o on o.place = n % $2::int
     cross join lateral (
       select now() - n * interval '20 s' as at,
         case when n % 1000 = 500 then 'pending' when n % 100 < 92 then 'completed' when n % 100 < 97 then 'failed'
           when n % 100 < 99 then 'cancelled' else 'running' end as status
     ) s`,
    [runs, workflows, MEMBER],
  );
  await client.query(`
    insert into stepbase.run_values (run_id, app_code, path, value, created_at)
    select r.id, r.app_code, v.path, v.value, r.created_at
    from stepbase.runs r
    cross join lateral (
      select '#', t from unnest(r.tags) t union all select i.key, i.value from jsonb_each_text(r.input) i
    ) v (path, value);
    insert into stepbase.step_runs (
      run_id, app_code, workflow_version_id, step_id, step_type, status, started_at, completed_at, created_at,
      wait_kind, output, context_version
    )
    select r.id, r.app_code, r.workflow_version_id, s.step_id, s.step_type,
      case when s.step_id = 'second' and r.status = 'running' then 'waiting' else 'completed' end,
      r.started_at, case when s.step_id = 'first' or r.status <> 'running' then r.started_at end, r.created_at,
      case when s.step_id = 'second' and r.status = 'running' then 'task' end,
      case when s.place <= r.context_version then '1'::jsonb end,
      case when s.place <= r.context_version then s.place end
    from stepbase.runs r
    cross join (values ('first', 'transform', 1), ('second', 'wait_for_approval', 2)) s (step_id, step_type, place)
    where r.status <> 'pending';
    insert into stepbase.run_events (run_id, seq, app_code, event_type, created_at)
    select r.id, s.seq, r.app_code, s.type, r.created_at
    from stepbase.runs r
    cross join (values (1, 'run.created'), (2, 'run.started'), (3, 'run.completed')) s (seq, type);
    insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type, published_at)
    select r.app_code, 'run', r.id, 'run.changed', r.created_at from stepbase.runs r;
    insert into stepbase.audit_log (app_code, table_name, row_id, operation, actor_role, new_row, created_at)
    select r.app_code, 'workflows', r.id::text, 'insert', 'authenticated', '{}', r.created_at from stepbase.runs r limit 100000;
    insert into stepbase_engine.statistics_buckets (
      app_code, workflow_id, step_id, step_type, bucket_at, slot, completed, failed, cancelled, duration_ms
    )
    select r.app_code, r.workflow_id, s.step_id, s.step_type, date_trunc('minute', r.completed_at),
      stepbase_engine.duration_slot(r.duration_ms), count(*) filter (where r.status = 'completed'),
      count(*) filter (where r.status = 'failed'), count(*) filter (where r.status = 'cancelled'), sum(r.duration_ms)
    from stepbase.runs r
    cross join (values (null, null), ('first', 'transform')) s (step_id, step_type)
    where r.completed_at > now() - interval '7 days'
    group by 1, 2, 3, 4, 5, 6;
    -- What waits for flow controls.
    insert into stepbase_engine.flow_backlog (run_id, app_code, workflow_id, kind, key_id, priority)
    select r.id, r.app_code, r.workflow_id, 'throttle', r.id, 0 from stepbase.runs r limit 200000;
    insert into stepbase_engine.flow_holds (key_id, app_code, workflow_id, run_id)
    select r.id, r.app_code, r.workflow_id, r.id from stepbase.runs r limit 200000;
    insert into stepbase_engine.batch_items (run_id, place, item)
    select r.id, 1, '{}' from stepbase.runs r limit 200000;
    insert into stepbase_engine.run_slots (run_id, limit_id)
    select r.id, r.workflow_id from stepbase.runs r where r.status = 'running';
    set session_replication_role = origin;
  `);
  // Also empties the pending list of the text index, as autovacuum would have.
  await client.query('vacuum analyze');
  const { rows } = await client.query<Sample>(
    `select r.app_code, $2::uuid as user_id, r.workflow_id, r.workflow_version_id, r.id as run_id,
       s.id as step_run_id, r.trace_id, r.created_at
     from stepbase.runs r join stepbase.step_runs s on s.run_id = r.id and s.step_id = 'first'
     where r.app_code = '${APP}' order by r.created_at desc offset $1 limit 1`,
    [Math.floor(runs / 3), MEMBER],
  );
  const [sample] = rows;
  if (!sample) throw new Error('nothing was filled in');
  return sample;
}

/** Until the end of the transaction, the client is a member of the larger application. */
export async function becomeMember(client: pg.ClientBase): Promise<void> {
  await client.query("select set_config('request.jwt.claims', $1, true)", [
    JSON.stringify({ sub: MEMBER, role: 'authenticated', app_code: APP }),
  ]);
  await client.query('set local role authenticated');
}
