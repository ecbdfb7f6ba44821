-- Dead letters: runs that failed or timed out, with the reason. An ended run never changes; redrive starts a new
-- run that copies its completed steps.

create index idx_runs_app_code_completed_at_dead on stepbase.runs (app_code, completed_at)
where status in ('failed', 'timed_out');

create view stepbase.dead_letters
with (security_invoker = true)
as
select
  r.id as run_id,
  r.app_code,
  r.workflow_id,
  w.kebab_name as workflow,
  r.workflow_version_id,
  v.version,
  r.status,
  r.error ->> 'code' as error_code,
  r.error ->> 'message' as error_message,
  r.error ->> 'step_id' as step_id,
  s.step_type,
  s.id as step_run_id,
  s.item_index,
  s.attempt as attempts,
  coalesce(s.error, r.error) as last_error,
  r.input,
  r.parent_run_id,
  r.created_at,
  r.completed_at as failed_at,
  redriven.id as redriven_run_id,
  redriven.status as redriven_status
from stepbase.runs r
left join stepbase.workflows w on w.id = r.workflow_id
left join stepbase.workflow_versions v on v.id = r.workflow_version_id
left join lateral (
  select f.id, f.step_type, f.item_index, f.attempt, f.error
  from stepbase.step_runs f
  where f.run_id = r.id
    and f.step_id = r.error ->> 'step_id'
    and f.item_index = coalesce((r.error ->> 'item_index')::int, 0)
    and f.status = 'failed'
  order by f.attempt desc
  limit 1
) s on true
left join lateral (
  select n.id, n.status
  from stepbase.runs n
  where n.origin_run_id = r.id and n.app_code = r.app_code
  order by n.created_at desc, n.id desc
  limit 1
) redriven on true
where r.status in ('failed', 'timed_out');

comment on view stepbase.dead_letters is
  'Runs that failed or timed out: the step that ended them, its attempts and its last error, and the newest '
  'run that redrove them. redriven_run_id is null until then.';

-- With a trigger, PostgreSQL checks the privileges before it refuses to write to the view: clients get 42501.
create trigger dead_letters_refuse_write instead of insert or update or delete on stepbase.dead_letters
  for each row execute function stepbase_private.refuse_view_write();

revoke all on stepbase.dead_letters from public, anon;
grant select on stepbase.dead_letters to authenticated, service_role;

create function stepbase_engine.redrive(p_origin stepbase.runs, p_created_by uuid)
returns stepbase.runs
language plpgsql
set search_path = ''
as $$
declare
  v_step text;
  v_run stepbase.runs;
begin
  perform stepbase_engine.require_runnable(w) from stepbase.workflows w where w.id = p_origin.workflow_id;
  -- The failed step or, after a time-out, the first step that was open. Other open steps start again too,
  -- because only resolved steps are copied.
  select s.step_id into v_step
  from stepbase.step_runs s
  join stepbase.workflow_nodes n on n.workflow_version_id = s.workflow_version_id and n.node_id = s.step_id
  where s.run_id = p_origin.id
    and s.item_index = 0
    and (s.step_id = p_origin.error ->> 'step_id' or s.status = 'cancelled')
    -- After a compensation all steps have to run again.
    and not stepbase_engine.is_compensated(p_origin.id)
  order by s.step_id = p_origin.error ->> 'step_id' desc nulls last, n.ordinal
  limit 1;
  v_run := stepbase_engine.start_run(
    p_origin.app_code, p_origin.workflow_version_id, p_origin.input, 'manual', null,
    p_origin.priority, p_created_by, null, null, p_origin.id, v_step, p_origin.metadata, null,
    p_origin.tags
  );
  if v_step is not null then
    perform stepbase_engine.copy_results(
      v_run.id, p_origin.id, v_step, stepbase_engine.copied_steps(p_origin, v_step)
    );
  end if;
  select r.* into strict v_run from stepbase.runs r where r.id = v_run.id;
  return v_run;
end;
$$;

comment on function stepbase_engine.redrive(stepbase.runs, uuid) is
  'Starts a run that continues a failed or timed-out one at the failed step, or at its open steps. A '
  'compensated run starts from the beginning. SB404 or SB409 if the workflow cannot be started.';
