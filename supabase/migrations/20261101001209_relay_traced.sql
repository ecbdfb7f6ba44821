-- The relay of a worker that exports traces: relay_app, which also returns the runs that ended, for their spans.

create function stepbase_engine.epoch_ms(p_at timestamptz)
returns float8
language sql
immutable
set search_path = ''
as $$
  select (extract(epoch from p_at) * 1000)::float8;
$$;

comment on function stepbase_engine.epoch_ms(timestamptz) is 'Milliseconds since 1970.';

create function stepbase_engine.relay_app_traced(
  p_app_code text, p_limit int default 200, out handled int, out runs jsonb
)
language plpgsql
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_ended uuid[];
begin
  select r.handled, r.ended into handled, v_ended from stepbase_engine.relay_app_runs(p_app_code, p_limit) r;
  select coalesce(
    jsonb_agg(jsonb_build_object(
      'run_id', r.id, 'app_code', r.app_code, 'workflow', w.kebab_name, 'version', v.version,
      'trace_id', r.trace_id, 'traceparent', r.metadata ->> 'traceparent',
      'status', r.status, 'trigger_type', r.trigger_type, 'error_code', r.error ->> 'code',
      'created_at', stepbase_engine.epoch_ms(r.created_at), 'started_at', stepbase_engine.epoch_ms(r.started_at),
      'ended_at', stepbase_engine.epoch_ms(r.completed_at),
      'parent', (
        select jsonb_build_object(
          'run_id', s.run_id, 'step_id', s.step_id, 'item_index', s.item_index, 'attempt', s.attempt, 'fence', s.fence
        )
        from stepbase.step_runs s where s.id = r.parent_step_run_id
      )
    )),
    '[]'
  )
  into runs
  from (select distinct e.id from unnest(v_ended) e (id)) e
  -- Lateral: look-ups by id. A run that compensates has not ended.
  cross join lateral (select o.* from stepbase.runs o where o.id = e.id and o.completed_at is not null limit 1) r
  join stepbase.workflows w on w.id = r.workflow_id
  join stepbase.workflow_versions v on v.id = r.workflow_version_id;
end;
$$;

comment on function stepbase_engine.relay_app_traced(text, int) is
  'relay_app for a worker that exports traces. Returns the number of messages, and the runs that ended: a list of {run_id, '
  'app_code, workflow, version, trace_id, traceparent, status, trigger_type, error_code, created_at, started_at, ended_at, '
  'parent}. Times are milliseconds since 1970; parent is the attempt that started the run, or null.';
