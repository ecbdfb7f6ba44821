-- release_slots: a run gives up its concurrency slots in the statement that ends it, whichever that is.

create function stepbase_engine.remove_from_backlog(p_run_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
begin
  -- Lock order: the backlog (3). In this order: the delete waits for an admission of one of them that is in
  -- progress, and then sees its slots.
  delete from stepbase_engine.run_backlog b where b.run_id = any(p_run_ids);
  perform stepbase_engine.release_slots(p_run_ids);
end;
$$;

comment on function stepbase_engine.remove_from_backlog(uuid[]) is
  'Removes runs from the backlog and releases their concurrency slots. The caller has locked the runs.';

create function stepbase_engine.release_slots(p_run_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  c_none constant uuid := '00000000-0000-0000-0000-000000000000';
begin
  delete from stepbase_engine.run_slots s where s.run_id = any(p_run_ids);
  -- Whether a run of the app waits for a slot. Runs without a limit come first in the index and do not count.
  if found and exists (
    select 1
    from stepbase.runs r
    cross join lateral (
      select 1 from stepbase_engine.run_backlog b
      where b.app_code = r.app_code
        and (b.workflow_limit, b.queue_limit) > (c_none, c_none)
      limit 1
    ) b
    where r.id = any(p_run_ids)
  ) then
    perform pg_notify('stepbase', 'admit');
  end if;
end;
$$;

comment on function stepbase_engine.release_slots(uuid[]) is
  'Releases the concurrency slots of runs, and notifies workers to admit when a run of their apps waits for one.';

create function stepbase_engine.release_run_slots()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  perform stepbase_engine.release_slots(array[new.id]);
  return null;
end;
$$;

comment on function stepbase_engine.release_run_slots() is
  'Trigger: releases the concurrency slots of a run that has ended.';

-- For a run without a limit this is one comparison.
create trigger runs_release_slots
after update of status on stepbase.runs
for each row when (new.is_limited and new.completed_at is not null)
execute function stepbase_engine.release_run_slots();
