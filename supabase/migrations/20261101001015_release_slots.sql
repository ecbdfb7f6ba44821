-- release_slots: a run gives up its concurrency slots in the statement that ends it, whichever that is.

create function stepbase_engine.remove_from_backlog(p_run_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
begin
  -- Lock order: the backlogs (3). In this order: each delete waits for an admission of one of them that is in
  -- progress, and the next statement sees what that admission wrote.
  delete from stepbase_engine.flow_backlog b where b.run_id = any(p_run_ids);
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
  v_slots int;
  v_keys int;
begin
  -- A run that ends while a flow control holds it.
  delete from stepbase_engine.flow_backlog b where b.run_id = any(p_run_ids);
  with released as (
    delete from stepbase_engine.run_slots s where s.run_id = any(p_run_ids) returning s.run_id, s.limit_id, s.is_key
  ),
  -- Without a look at the line: a run that joins it in a transaction under way is not visible here.
  checked as (
    insert into stepbase_engine.flow_checks (app_code, workflow_id, kind, key_id)
    select r.app_code, r.workflow_id, 'concurrency', l.limit_id
    from released l
    join stepbase.runs r on r.id = l.run_id
    where l.is_key
  )
  select count(*), count(*) filter (where l.is_key) into v_slots, v_keys from released l;
  -- Whether a run of the app waits for a slot. Runs without a limit come first in the index and do not count.
  if v_keys > 0 or v_slots > 0 and exists (
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
  'Releases the concurrency slots of runs that end or leave the backlog, removes them from the flow backlog, and notifies '
  'workers to admit when a run of their apps may wait for a slot.';

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
