-- Stored outputs: the objects of Supabase Storage that hold outputs too large for the database. Every object has a row
-- before it exists. A row outlives its run, until a worker has deleted the object through the Storage API.

create table stepbase_engine.stored_outputs (
  path text primary key,
  app_code text not null,
  run_id uuid not null,
  size_bytes int not null constraint size_is_positive check (size_bytes > 0),
  created_at timestamptz not null default now(),
  delete_at timestamptz,
  constraint path_is_in_the_folder_of_the_app check (starts_with(path, app_code || '/'))
);

comment on table stepbase_engine.stored_outputs is
  'Objects of the bucket stepbase-outputs. No foreign keys: a row must outlive its run and its application, so that a worker '
  'can delete the object.';
comment on column stepbase_engine.stored_outputs.path is 'Name of the object: <app_code>/<run_id>/<step_run_id>/<fence>.json.';
comment on column stepbase_engine.stored_outputs.run_id is
  'The run that needs the object: the one that wrote it, or its parent run after that one was deleted.';
comment on column stepbase_engine.stored_outputs.delete_at is
  'When a worker deletes the object; null while its run exists. An attempt to delete it moves the time.';

create index idx_stored_outputs_run_id on stepbase_engine.stored_outputs (run_id);
create index idx_stored_outputs_delete_at on stepbase_engine.stored_outputs (delete_at) where delete_at is not null;

alter table stepbase_engine.stored_outputs enable row level security;

-- Security definer: the role that deletes runs needs no privilege on this table.
create function stepbase_engine.release_stored_outputs()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if not exists (select 1 from stepbase_engine.stored_outputs) then
    return null;
  end if;
  -- The output of a child is also the output of a step of its parent, which has the same reference. An object that a
  -- worker is writing at this moment must exist before another worker deletes it.
  update stepbase_engine.stored_outputs o
  set
    run_id = coalesce(p.id, o.run_id),
    delete_at = case when p.id is null then stepbase_engine.now() + interval '10 minutes' end
  from deleted d
  left join stepbase.runs p on p.id = d.parent_run_id and p.app_code = d.app_code
  where o.run_id = d.id;
  return null;
end;
$$;

comment on function stepbase_engine.release_stored_outputs() is
  'Trigger: the stored outputs of deleted runs pass to their parent runs, or become deletable in ten minutes.';

create trigger runs_release_stored_outputs after delete on stepbase.runs
  referencing old table as deleted
  for each statement execute function stepbase_engine.release_stored_outputs();
