-- The RPC of the first page of an application: what is open, what stands still. See rpc_runs for the pattern.

-- Security definer: clients may not call functions of the engine. It checks the application and the permission itself.
create function stepbase_private.read_overview()
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_app constant text := stepbase_private.require_permission('run:read');
begin
  return jsonb_build_object(
    'open_runs', (
      -- By the index of the open runs of the application, which its quota bounds.
      select coalesce(jsonb_object_agg(o.status, o.count), '{}')
      from (
        select r.status, count(*) as count
        from stepbase.runs r
        where r.app_code = v_app and r.status in ('pending', 'running', 'paused')
        group by r.status
      ) o
    ),
    'stuck_runs', (
      select coalesce(jsonb_agg(s.payload order by s.since), '[]')
      from stepbase.app_quotas q
      cross join lateral stepbase_engine.stuck_runs(v_app, q.run_stuck_minutes) s
      where q.app_code = v_app
    ),
    'waiting_runs', (
      select jsonb_build_object('since', w.since, 'runs', w.runs) from stepbase_engine.waiting_runs(v_app) w
    )
  );
end;
$$;

comment on function stepbase_private.read_overview() is 'Implements stepbase.read_overview.';
grant execute on function stepbase_private.read_overview() to authenticated;

create function stepbase.read_overview()
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_private.read_overview();
$$;

comment on function stepbase.read_overview() is
  'What is open and what stands still in the caller''s application, as {open_runs, stuck_runs, waiting_runs}; requires '
  'run:read. open_runs: pending, running and paused runs by status. stuck_runs: up to 100 running runs that wait for nothing '
  'and did not change for the minutes of app_quotas.run_stuck_minutes, oldest first, as {workflow, run_id, status, step, since, '
  'minutes}. waiting_runs: {since, runs} of the pending runs that are not held. Errors: SB401, SB403.';
grant execute on function stepbase.read_overview() to authenticated;
