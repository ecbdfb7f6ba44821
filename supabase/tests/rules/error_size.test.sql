-- Errors are stored with each attempt and again with the run, so they are stored short.

begin;
set local search_path = public, extensions;
select plan(12);
select tests.create_tasks();

select is(
  stepbase_engine.short_error(e.error), e.error, 'an ordinary error is stored as it is'
)
from (values ('{"code": "code_failed", "message": "m", "retryable": false, "details": {"a": 1}}'::jsonb)) e (error);
select cmp_ok(
  octet_length(stepbase_engine.short_error(
    jsonb_build_object('code', 'code_failed', 'message', repeat('é', n), 'details', jsonb_build_object('text', repeat('x', n)))
  )::text),
  '<', 17000, format('an error with %s characters is cut', n)
)
from unnest('{20000,3000000}'::int[]) n;
select is(stepbase_engine.short_error(e.error) ->> 'code', 'x', 'the code is kept')
from (values (jsonb_build_object('code', 'x', 'message', repeat('m', 20000)))) e (error);
select is(stepbase_engine.short_error(null), null, 'no error stays none');
select tests.perform_as(
  'developer',
  format('select (stepbase.cancel_run(%L, repeat(''é'', 100000))).status', tests.sample_id('second_run'))
);
select is(
  (
    select length(coalesce(r.error, r.pending_outcome -> 'error') ->> 'message')
    from stepbase.runs r where r.id = tests.sample_id('second_run')
  ),
  4000, 'the reason of a cancellation is cut'
);

-- Every column that holds errors, for every writer.
create temporary view error_columns as
select c.oid as table_id, c.relname as name, a.attname as column_name, format_type(a.atttypid, a.atttypmod) as type
from pg_attribute a
join pg_class c on c.oid = a.attrelid
where c.relnamespace in ('stepbase'::regnamespace, 'stepbase_engine'::regnamespace, 'stepbase_private'::regnamespace)
  and c.relkind in ('r', 'p') and not c.relispartition
  and a.attname ~ '(^|_)(error|errors|error_message|reason|outcome|failure|problem|problems)$'
  and a.atttypid in ('text'::regtype, 'jsonb'::regtype, 'json'::regtype) and a.attnum > 0 and not a.attisdropped
  -- A mode of the node, fixed texts of the state machine, fixed words, and a text that a constraint bounds.
  and (c.relname, a.attname) not in (
    ('workflow_nodes', 'on_error'), ('transitions', 'reason'), ('schedule_runs', 'outcome'),
    ('incident_switches', 'reason'), ('workflow_canaries', 'reason'), ('run_operations', 'reason')
  );
select is(
  array(select format('%s.%s', e.name, e.column_name) from error_columns e order by 1),
  '{agent_tool_calls.error,agent_turns.finish_reason,invitations.mail_error,mails.error,outbox.error,refused_starts.error,run_operations.last_error,runs.error,runs.pending_outcome,schedule_backfills.last_error,schedule_runs.error,step_runs.error,temporal_runs.problem,unassigned_changes.error,webhook_calls.error,webhook_deliveries.failure,webhook_subscriptions.disabled_reason,workers.error_message,workflow_schedules.last_error,workflow_triggers.last_error}'::text[],
  'these columns hold errors'
);
select is_empty(
  $$select e.name, e.column_name
    from error_columns e
    where not exists (
      select 1 from pg_trigger t
      join pg_attribute a on a.attrelid = t.tgrelid and a.attnum = any (t.tgattr)
      where t.tgrelid = e.table_id and a.attname = e.column_name
        and t.tgfoid = 'stepbase_private.cut_errors()'::regprocedure
    )$$,
  'a trigger cuts each of them'
);
select ok(
  pg_column_size(stepbase_engine.short_error(e.error)) < 20000
    and (jsonb_typeof(e.error) <> 'object' or not e.error ? 'code' or stepbase_engine.short_error(e.error) ? 'code'),
  format('an error is short with a long %s', e.name)
)
from (
  values
    ('code', jsonb_build_object('code', repeat('c', 1000000))),
    ('list of details', (
      select jsonb_build_object('code', 'c', 'details', jsonb_agg(n), 'key', jsonb_agg(n)) from generate_series(1, 50000) n
    )),
    ('list of keys', (select jsonb_object_agg('k' || repeat('x', n % 100) || n, n) from generate_series(1, 20000) n))
) e (name, error);

create temporary table written (id int, error jsonb, pending_outcome jsonb, note text);
create trigger written_cut_errors before insert or update on written
  for each row execute function stepbase_private.cut_errors('error', 'pending_outcome', 'note');
insert into written
values
  (1, jsonb_build_object('code', 'a', 'message', repeat('x', 900000)), null, repeat('y', 900000)),
  (2, null, jsonb_build_object('status', 'failed', 'error', jsonb_build_object('code', 'b', 'text', repeat('z', 900000))), 'n'),
  (3, '{"code": "c"}', '{"status": "cancelled"}', null);
select results_eq(
  $$select w.error ->> 'code', length(w.error ->> 'message'), w.pending_outcome ->> 'status',
      length(w.pending_outcome #>> '{error,text}'), length(w.note)
    from written w order by w.id$$,
  $$values ('a', 4000, null, null, 4000), (null, null, 'failed', 200, 1), ('c', null, 'cancelled', null, null)$$,
  'the trigger cuts objects, outcomes and texts, and keeps the rest'
);

select * from finish();
rollback;
