-- Which workflows can be started: one rule for starts by users, schedules, events, webhooks, parents, reruns and
-- redrives.

create function stepbase_engine.is_runnable(p_workflow stepbase.workflows)
returns boolean
language sql
stable
set search_path = ''
as $$
  select p_workflow.deleted_at is null and p_workflow.published_version_id is not null and exists (
    select 1 from stepbase.workflow_statuses s where s.name = p_workflow.status and s.is_runnable
  );
$$;

comment on function stepbase_engine.is_runnable(stepbase.workflows) is
  'Whether runs of a workflow can be started: it is not deleted, has a published version and a runnable status.';

create function stepbase_engine.require_runnable(p_workflow stepbase.workflows)
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  if p_workflow.deleted_at is not null then
    perform stepbase_private.raise_error(
      'not_found', format('Workflow %s was deleted', p_workflow.kebab_name),
      jsonb_build_object('workflow', p_workflow.kebab_name)
    );
  end if;
  if not stepbase_engine.is_runnable(p_workflow) then
    perform stepbase_private.raise_error(
      'conflict',
      format('Workflow %s cannot be started: its status is %s; publish it first', p_workflow.kebab_name, p_workflow.status),
      jsonb_build_object('workflow', p_workflow.kebab_name)
    );
  end if;
end;
$$;

comment on function stepbase_engine.require_runnable(stepbase.workflows) is
  'Raises SB404 not_found if a workflow is deleted, and SB409 conflict if it is paused, archived or unpublished.';
