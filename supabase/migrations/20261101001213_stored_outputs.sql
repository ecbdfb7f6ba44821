-- Stored outputs for workers and members: a worker registers an object before it writes it, members read the objects of
-- their application, and a worker deletes those that no run needs.

create function stepbase_engine.register_stored_output(p_step_run_id uuid, p_fence int, p_size int)
returns text
language plpgsql
set search_path = ''
as $$
declare
  v_step stepbase.step_runs;
  v_path text;
begin
  select s.* into v_step
  from stepbase.step_runs s
  where s.id = p_step_run_id and s.status = 'running' and s.fence = p_fence;
  if found and stepbase_engine.is_leased(v_step.job_id) then
    -- A run that is being deleted must not get an object after the trigger has released the others.
    perform 1 from stepbase.runs r where r.id = v_step.run_id for key share;
  else
    v_step.id := null;
  end if;
  if v_step.id is null or not found then
    perform stepbase_private.raise_error(
      'conflict', 'The attempt does not hold its lease any more', jsonb_build_object('reason', 'lease_lost')
    );
  end if;
  v_path := format('%s/%s/%s/%s.json', v_step.app_code, v_step.run_id, v_step.id, p_fence);
  insert into stepbase_engine.stored_outputs (path, app_code, run_id, size_bytes)
  values (v_path, v_step.app_code, v_step.run_id, p_size)
  on conflict (path) do update set size_bytes = excluded.size_bytes;
  return v_path;
end;
$$;

comment on function stepbase_engine.register_stored_output(uuid, int, int) is
  'Registers the object for the output of a running step and returns its path. The worker writes the object afterwards, so that '
  'no object is without a row. Errors: SB409 with the reason lease_lost if the step does not run under this fence, or its '
  'token is not leased.';

create function stepbase_engine.has_deletable_outputs()
returns boolean
language sql
volatile -- It sees what the statement that calls it has written.
set search_path = ''
as $$
  select exists (select from stepbase_engine.stored_outputs o where o.delete_at <= stepbase_engine.now());
$$;

comment on function stepbase_engine.has_deletable_outputs() is
  'Whether a stored output of a deleted run waits for a worker. Costs one index look-up.';

create function stepbase_engine.take_deletable_outputs(p_limit int default 100, p_pause interval default '5 minutes')
returns setof text
language sql
volatile
set search_path = ''
as $$
  update stepbase_engine.stored_outputs o
  set delete_at = stepbase_engine.now() + p_pause
  where o.path in (
    select d.path
    from stepbase_engine.stored_outputs d
    where d.delete_at <= stepbase_engine.now()
    order by d.delete_at
    limit p_limit
    for update skip locked
  )
  returning o.path;
$$;

comment on function stepbase_engine.take_deletable_outputs(int, interval) is
  'Returns the paths of at most p_limit objects to delete. One that is not forgotten within p_pause is returned again.';

create function stepbase_engine.forget_stored_outputs(p_paths text[])
returns void
language sql
volatile
set search_path = ''
as $$
  delete from stepbase_engine.stored_outputs o where o.path = any(p_paths) and o.delete_at is not null;
$$;

comment on function stepbase_engine.forget_stored_outputs(text[]) is 'Deletes the rows of objects that a worker has deleted.';

create function stepbase_private.may_read_stored_output(p_path text)
returns boolean
language sql
stable
set search_path = ''
as $$
  select coalesce(starts_with(p_path, stepbase_private.app_code() || '/'), false)
    and stepbase_private.has_permission('run:read');
$$;

comment on function stepbase_private.may_read_stored_output(text) is
  'Whether the caller may read this object of the bucket stepbase-outputs: it is in the folder of the caller''s application, and '
  'the caller has run:read.';
grant execute on function stepbase_private.may_read_stored_output(text) to authenticated;

create function stepbase_private.ensure_storage_policy()
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  if to_regclass('storage.objects') is null or exists (
    select 1 from pg_policy p
    where p.polrelid = to_regclass('storage.objects') and p.polname = 'Members read the stored outputs of their application'
  ) then
    return false;
  end if;
  execute $sql$
    create policy "Members read the stored outputs of their application"
    on storage.objects for select to authenticated
    using (bucket_id = 'stepbase-outputs' and stepbase_private.may_read_stored_output(name))
  $sql$;
  return true;
end;
$$;

comment on function stepbase_private.ensure_storage_policy() is
  'Creates the policy on storage.objects if it is missing, and returns whether it did. Storage creates its table itself, on a '
  'new project possibly after the migrations; maintenance calls this again.';

select stepbase_private.ensure_storage_policy();
