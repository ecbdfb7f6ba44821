-- Values by which runs are found: their tags, and the values of the input that their workflow declares searchable.
-- Written once, when the run starts; a run without both writes no row.

create table stepbase.run_values (
  run_id uuid not null,
  app_code text not null,
  path text not null,
  value text not null,
  created_at timestamptz not null,
  primary key (run_id, app_code, path, value),
  constraint run_values_run_fkey foreign key (run_id, app_code)
    references stepbase.runs (id, app_code) on delete cascade,
  constraint path_is_short check (length(path) between 1 and 100),
  constraint value_is_short check (length(value) <= 200)
);

comment on table stepbase.run_values is
  'Tags and searchable input values of runs, in the order in which a search reads them; written by the engine only.';
comment on column stepbase.run_values.path is 'A path of workflows.searchable_inputs, such as order.id; # for a tag.';
comment on column stepbase.run_values.value is
  'The tag, or the value as text: a number without trailing zeros, true or false, a string as it is.';
comment on column stepbase.run_values.created_at is 'When the run was created.';

create index idx_run_values_search on stepbase.run_values (app_code, path, value, created_at, run_id);

alter table stepbase.run_values enable row level security;

create policy "Members read the search values of runs of their app"
on stepbase.run_values for select to authenticated
using (
  app_code = (select stepbase_private.app_code())
  and (select stepbase_private.has_permission('run:read'))
);

grant select on stepbase.run_values to authenticated;
grant select, insert, update, delete on stepbase.run_values to service_role;

create function stepbase_private.search_value(p_value jsonb)
returns text
language sql
immutable
set search_path = ''
as $$
  select v.value
  from (
    select case jsonb_typeof(p_value)
      when 'number' then trim_scale((p_value #>> '{}')::numeric)::text
      when 'string' then p_value #>> '{}'
      when 'boolean' then p_value #>> '{}'
    end as value
  ) v
  where length(v.value) <= 200;
$$;

comment on function stepbase_private.search_value(jsonb) is
  'A scalar as run_values stores it, so that 777, 777.0 and "777" are equal; null for other values and beyond 200 characters.';

create function stepbase_engine.write_run_values(p_run_ids uuid[], p_paths text[])
returns void
language plpgsql
set search_path = ''
as $$
begin
  insert into stepbase.run_values (run_id, app_code, path, value, created_at)
  select r.id, r.app_code, v.path, v.value, r.created_at
  from stepbase.runs r
  cross join lateral (
    select '#' as path, t.tag as value from unnest(r.tags) t (tag)
    union
    select p.path, stepbase_private.search_value(r.input #> string_to_array(p.path, '.'))
    from unnest(p_paths) p (path)
  ) v
  where r.id = any(p_run_ids) and v.value is not null;
end;
$$;

comment on function stepbase_engine.write_run_values(uuid[], text[]) is
  'Writes the tags of new runs and the scalars at p_paths of their inputs to run_values.';
