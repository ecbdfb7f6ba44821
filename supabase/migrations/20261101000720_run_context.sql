-- The run context: the only way that data passes between steps. It is a view: the result of a step is stored once, in
-- its step run, and context_version says which version of the context it made. Folding the patches up to a version
-- gives the context as it was then.

create view stepbase.run_context
with (security_invoker = true)
as
select
  s.run_id,
  s.context_version as version,
  s.app_code,
  s.step_id,
  s.id as step_run_id,
  jsonb_build_object(
    s.step_id, case s.status when 'failed' then jsonb_build_object('error', s.error) else s.output end
  ) as patch,
  -- A rerun copies results that are older than its rows.
  greatest(s.completed_at, s.created_at) as created_at
from stepbase.step_runs s
where s.context_version is not null
  -- The policies of step_runs also show tasks to their assignees, who may not read the context.
  and (
    not (select row_security_active('stepbase.step_runs'))
    or (select stepbase_private.has_permission('run:read'))
  );

comment on view stepbase.run_context is
  'Patches to a run''s context, in order; the key of a patch is the id of the step that wrote it. The patch of a failed '
  'step after which the run continued is {"<step id>": {"error": …}}. Requires run:read.';
comment on column stepbase.run_context.version is 'Gapless per run, from 1.';
comment on column stepbase.run_context.patch is 'Merged over the earlier patches, key by key: {"<step id>": output}.';

-- With a trigger, PostgreSQL checks the privileges before it refuses to write to the view: clients get 42501.
create trigger run_context_refuse_write instead of insert or update or delete on stepbase.run_context
  for each row execute function stepbase_private.refuse_view_write();

revoke all on stepbase.run_context from public, anon;
grant select on stepbase.run_context to authenticated, service_role;

-- What a run has computed never changes: not the value, not its place in the order, not the step that it belongs to.
create trigger step_runs_keep_context
before update on stepbase.step_runs
for each row when (old.context_version is not null)
execute function stepbase_private.refuse_column_change(
  'id', 'run_id', 'app_code', 'workflow_version_id', 'step_id', 'step_type', 'item_index', 'attempt', 'status',
  'output', 'error', 'context_version', 'created_at', 'completed_at'
);

create trigger step_runs_keep_context_rows
before delete on stepbase.step_runs
for each row when (old.context_version is not null)
execute function stepbase_engine.refuse_change();

create trigger step_runs_no_truncate
before truncate on stepbase.step_runs
for each statement execute function stepbase_engine.refuse_change();

create function stepbase.context(run stepbase.runs)
returns jsonb
language sql
stable
set search_path = ''
as $$
  -- A later patch replaces the value of a key.
  select coalesce(jsonb_object_agg(p.key, p.value order by c.version), '{}')
  from stepbase.run_context c
  cross join lateral jsonb_each(c.patch) p
  where c.run_id = context.run.id
    -- The secret key bypasses row-level security.
    and c.app_code = coalesce((select stepbase_private.named_app()), c.app_code);
$$;

comment on function stepbase.context(stepbase.runs) is
  'Computed field: the context of the run, folded from its patches. select=*,context';

create function stepbase.context_at(run_id uuid, version int)
returns jsonb
language sql
stable
set search_path = ''
as $$
  -- A later patch replaces the value of a key.
  select coalesce(jsonb_object_agg(p.key, p.value order by c.version), '{}')
  from stepbase.run_context c
  cross join lateral jsonb_each(c.patch) p
  where c.run_id = context_at.run_id and c.version <= context_at.version
    and c.app_code = coalesce((select stepbase_private.named_app()), c.app_code);
$$;

comment on function stepbase.context_at(uuid, int) is
  'Returns the context of a run at a version. Row-level security applies: a run that the caller may not see has an '
  'empty context.';

grant execute on function stepbase.context(stepbase.runs) to authenticated, service_role;
grant execute on function stepbase.context_at(uuid, int) to authenticated, service_role;
