-- Legal changes of status of workflows and versions, as data; a trigger refuses all others.

create table stepbase_private.workflow_transitions (
  entity text not null constraint entity_is_workflow_or_version check (entity in ('workflow', 'version')),
  from_status text not null references stepbase.workflow_statuses (name),
  to_status text not null references stepbase.workflow_statuses (name),
  primary key (entity, from_status, to_status)
);

comment on table stepbase_private.workflow_transitions is
  'Legal changes of status of workflows and versions; check_workflow_transition refuses all others with SB409.';

create index idx_workflow_transitions_from_status on stepbase_private.workflow_transitions (from_status);
create index idx_workflow_transitions_to_status on stepbase_private.workflow_transitions (to_status);

alter table stepbase_private.workflow_transitions enable row level security;

insert into stepbase_private.workflow_transitions (entity, from_status, to_status)
values
  ('workflow', 'draft', 'published'),
  ('workflow', 'draft', 'archived'),
  ('workflow', 'published', 'paused'),
  ('workflow', 'published', 'deprecated'),
  ('workflow', 'published', 'archived'),
  ('workflow', 'paused', 'published'),
  ('workflow', 'paused', 'deprecated'),
  ('workflow', 'paused', 'archived'),
  ('workflow', 'deprecated', 'published'),
  ('workflow', 'deprecated', 'archived'),
  ('workflow', 'archived', 'draft'),
  ('workflow', 'archived', 'published'),
  ('version', 'draft', 'published'),
  ('version', 'draft', 'archived'),
  ('version', 'published', 'deprecated'),
  ('version', 'published', 'archived'),
  ('version', 'deprecated', 'published'),
  ('version', 'deprecated', 'archived');

-- Security definer: clients may not read the table of transitions.
create function stepbase_private.check_workflow_transition()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if not exists (
    select 1
    from stepbase_private.workflow_transitions t
    where t.entity = tg_argv[0] and t.from_status = old.status and t.to_status = new.status
  ) then
    perform stepbase_private.raise_error(
      'conflict', format('The status of a %s cannot change from %s to %s', tg_argv[0], old.status, new.status),
      jsonb_build_object('from', old.status, 'to', new.status)
    );
  end if;
  return new;
end;
$$;

comment on function stepbase_private.check_workflow_transition() is
  'Trigger: raises SB409 conflict for a change of status that stepbase_private.workflow_transitions does not list. '
  'Argument: workflow or version.';

create trigger workflows_check_transition before update of status on stepbase.workflows
  for each row when (old.status <> new.status)
  execute function stepbase_private.check_workflow_transition('workflow');
create trigger workflow_versions_check_transition before update of status on stepbase.workflow_versions
  for each row when (old.status <> new.status)
  execute function stepbase_private.check_workflow_transition('version');
