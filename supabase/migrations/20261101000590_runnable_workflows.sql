-- Which workflows may be started: one rule for whatever starts a run, be it a person, a schedule, an
-- event, a webhook, a parent, a rerun or a redrive.

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
  'Whether runs of a workflow may be started: it is not deleted, has a published version and a status that allows it.';

create function stepbase_engine.require_runnable(p_workflow stepbase.workflows)
returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  if p_workflow.deleted_at is not null then
    perform stepbase_private.raise_error(
      'not_found', format('workflow %s was deleted', p_workflow.kebab_name),
      jsonb_build_object('workflow', p_workflow.kebab_name)
    );
  end if;
  if not stepbase_engine.is_runnable(p_workflow) then
    perform stepbase_private.raise_error(
      'conflict',
      format('workflow %s is %s, not published', p_workflow.kebab_name, p_workflow.status),
      jsonb_build_object('workflow', p_workflow.kebab_name)
    );
  end if;
end;
$$;

comment on function stepbase_engine.require_runnable(stepbase.workflows) is
  'Refuses to start runs of a workflow that is deleted (SB404), or paused, archived or never published (SB409).';
