-- Workers check the versions that were published. A publish requests the check, and any number of workers may make it:
-- the last one is kept.

-- Security definer: no client may write checks.
create function stepbase_private.request_version_check()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  insert into stepbase.workflow_version_checks (workflow_version_id, app_code)
  values (new.id, new.app_code)
  on conflict (workflow_version_id) do nothing;
  perform pg_notify('stepbase', 'due');
  perform stepbase_engine.request_worker();
  return null;
end;
$$;

comment on function stepbase_private.request_version_check() is
  'Trigger: a published version waits for its check; workers are notified.';

create trigger workflow_versions_request_check_on_insert after insert on stepbase.workflow_versions
  for each row when (new.status = 'published')
  execute function stepbase_private.request_version_check();
create trigger workflow_versions_request_check_on_update after update of status on stepbase.workflow_versions
  for each row when (old.status is distinct from new.status and new.status = 'published')
  execute function stepbase_private.request_version_check();

create function stepbase_engine.has_due_version_checks(p_checker_version int)
returns boolean
language sql
stable
set search_path = ''
as $$
  select exists (
    select 1 from stepbase.workflow_version_checks c where c.checker_version < p_checker_version
  );
$$;

comment on function stepbase_engine.has_due_version_checks(int) is
  'Whether a published version was not checked, or by an older checker. Costs one index look-up.';

create function stepbase_engine.due_version_checks(p_checker_version int, p_limit int default 3)
returns table (workflow_version_id uuid, definition jsonb, context jsonb)
language sql
stable
set search_path = ''
as $$
  with due as (
    select c.workflow_version_id
    from stepbase.workflow_version_checks c
    where c.checker_version < p_checker_version
    -- Versions without a check first.
    order by c.checker_version
    limit p_limit
  )
  select v.id, v.definition, stepbase_private.check_context(v.app_code, v.workflow_id, v.definition, v.input_schema)
  from due d
  join stepbase.workflow_versions v on v.id = d.workflow_version_id;
$$;

comment on function stepbase_engine.due_version_checks(int, int) is
  'Returns at most p_limit published versions that no checker of version p_checker_version has checked, with the '
  'definition and context of each.';

create function stepbase_engine.record_version_check(
  p_workflow_version_id uuid, p_checker_version int, p_findings jsonb
)
returns void
language sql
set search_path = ''
as $$
  update stepbase.workflow_version_checks c
  set checker_version = p_checker_version, checked_at = stepbase_engine.now(), findings = p_findings
  where c.workflow_version_id = p_workflow_version_id and c.checker_version <= p_checker_version;
$$;

comment on function stepbase_engine.record_version_check(uuid, int, jsonb) is
  'Stores the findings of a check, unless a newer checker has checked the version meanwhile.';
