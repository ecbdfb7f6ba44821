-- The run context: append-only patches, the only way that data passes between steps. A completed step writes one
-- patch. Folding the patches up to a version gives the context as it was then.

create table stepbase.run_context (
  run_id uuid not null,
  version int not null,
  app_code text not null,
  step_id text,
  step_run_id uuid,
  patch jsonb not null,
  created_at timestamptz not null default now(),
  constraint run_context_pkey primary key (run_id, version),
  constraint run_context_run_fkey foreign key (run_id, app_code)
    references stepbase.runs (id, app_code) on delete cascade,
  constraint version_is_positive check (version >= 1),
  constraint patch_is_an_object check (jsonb_typeof(patch) = 'object')
);

comment on table stepbase.run_context is
  'Patches to a run''s context, in order; the key of a patch is the id of the step that wrote it.';
comment on column stepbase.run_context.version is 'Gapless per run, from 1.';
comment on column stepbase.run_context.patch is 'Merged over the earlier patches, key by key: {"<step id>": output}.';

create index idx_run_context_run_id_step_id on stepbase.run_context (run_id, step_id);

create trigger run_context_append_only
before update or delete on stepbase.run_context
for each row execute function stepbase_engine.refuse_change();

create trigger run_context_no_truncate
before truncate on stepbase.run_context
for each statement execute function stepbase_engine.refuse_change();

alter table stepbase.run_context enable row level security;

create policy "Members read the context of their app's runs"
on stepbase.run_context for select to authenticated
using (
  app_code = (select stepbase_private.app_code())
  and (select stepbase_private.has_permission('run:read'))
);

grant select on stepbase.run_context to authenticated;
grant select, insert on stepbase.run_context to service_role;

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
  where c.run_id = context.run.id;
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
  where c.run_id = context_at.run_id and c.version <= context_at.version;
$$;

comment on function stepbase.context_at(uuid, int) is
  'Returns the context of a run at a version. Row-level security applies: a run that the caller may not see has an '
  'empty context.';

grant execute on function stepbase.context(stepbase.runs) to authenticated, service_role;
grant execute on function stepbase.context_at(uuid, int) to authenticated, service_role;
