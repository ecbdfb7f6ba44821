-- Slices of operations on many runs. A slice is one transaction: its effects and the place of the last run are written
-- together, so that a crash repeats no effect. Each run has a savepoint: a run that refuses the action is counted, and
-- the others go on.

create function stepbase_engine.operation_statuses(p_action text)
returns text[]
language sql
immutable
set search_path = ''
as $$
  select case p_action
    when 'cancel' then '{pending,running,paused}'::text[]
    when 'pause' then '{pending,running}'
    when 'resume' then '{paused}'
    when 'redrive' then '{failed,timed_out}'
    when 'rerun' then '{completed,failed,cancelled,timed_out}'
    when 'signal' then '{pending,running,paused}'
  end;
$$;

comment on function stepbase_engine.operation_statuses(text) is
  'The statuses of the runs on which an action has an effect; null for an unknown action.';

create function stepbase_engine.act_on_run(p_operation stepbase.run_operations, p_run_id uuid)
returns uuid
language plpgsql
set search_path = ''
as $$
declare
  v_run stepbase.runs;
  v_has_effect boolean := true;
begin
  select r.* into v_run from stepbase.runs r where r.id = p_run_id and r.app_code = p_operation.app_code;
  if not found or v_run.status <> all(stepbase_engine.operation_statuses(p_operation.action)) then
    return null;
  end if;
  case p_operation.action
    when 'cancel' then
      v_has_effect :=
        stepbase_engine.cancel_run(v_run, p_operation.reason, p_operation.is_forced, p_operation.created_by);
    when 'pause' then
      v_has_effect := stepbase_engine.pause_run(v_run, p_operation.created_by);
    when 'resume' then
      v_has_effect := stepbase_engine.resume_run(v_run, p_operation.created_by);
    when 'signal' then
      perform stepbase_engine.accept_signal(
        v_run, p_operation.signal ->> 'name', p_operation.signal -> 'payload', p_operation.created_by
      );
    when 'redrive' then
      if not p_operation.is_forced and exists (
        select 1 from stepbase.runs n where n.origin_run_id = v_run.id and n.app_code = v_run.app_code
      ) then
        return null;
      end if;
      return (stepbase_engine.redrive(v_run, p_operation.created_by)).id;
    when 'rerun' then
      perform stepbase_engine.require_rerunnable(v_run, null, '{}');
      return (
        stepbase_engine.start_run(
          v_run.app_code, v_run.workflow_version_id, v_run.input, 'manual', null, v_run.priority, p_operation.created_by,
          null, null, v_run.id, null, v_run.metadata, null, v_run.tags
        )
      ).id;
  end case;
  return case when v_has_effect then v_run.id end;
end;
$$;

comment on function stepbase_engine.act_on_run(stepbase.run_operations, uuid) is
  'Acts on one run of an operation. Returns the run, or the one that a redrive or rerun started; null: the run was deleted, '
  'or its status allows no effect. Errors: those of the action.';

create function stepbase_engine.count_outcomes(
  p_operation stepbase.run_operations, p_done int, p_failed int, p_skipped int, p_error jsonb,
  p_next_slice_at timestamptz
)
returns void
language plpgsql
set search_path = ''
as $$
declare
  -- Messages about the progress are at least a second apart.
  c_pause constant interval := '1 second';
  v_now constant timestamptz := stepbase_engine.now();
  v_is_last constant boolean :=
    p_operation.done + p_operation.failed + p_operation.skipped + p_done + p_failed + p_skipped = p_operation.total;
begin
  update stepbase.run_operations o
  set
    done = o.done + p_done,
    failed = o.failed + p_failed,
    skipped = o.skipped + p_skipped,
    last_error = coalesce(p_error, o.last_error),
    next_slice_at = case when not v_is_last then p_next_slice_at end,
    status = case when v_is_last then 'completed' else o.status end,
    ended_at = case when v_is_last then v_now end,
    announced_at = case when v_is_last or o.announced_at <= v_now - c_pause then v_now else o.announced_at end
  where o.id = p_operation.id;
  if v_is_last then
    delete from stepbase_engine.selected_runs s where s.operation_id = p_operation.id;
  end if;
end;
$$;

comment on function stepbase_engine.count_outcomes(stepbase.run_operations, int, int, int, jsonb, timestamptz) is
  'Writes the outcomes of a slice into the row of its operation, which the caller has locked. The last one ends it.';

create function stepbase_engine.record_operation_failure(
  p_operation stepbase.run_operations, p_run_id uuid, p_nth int, p_error jsonb
)
returns void
language sql
set search_path = ''
as $$
  insert into stepbase.run_operation_failures (operation_id, run_id, app_code, code, message, created_at)
  select
    p_operation.id, p_run_id, p_operation.app_code, p_error ->> 'code', left(p_error ->> 'message', 1000),
    stepbase_engine.now()
  where p_nth <= 1000;
$$;

comment on function stepbase_engine.record_operation_failure(stepbase.run_operations, uuid, int, jsonb) is
  'Records that an operation failed on a run, the p_nth time; only the first 1000 are recorded.';

-- A backend keeps 64 savepoints in shared memory; with more, every snapshot of other sessions becomes slower.
create function stepbase_engine.advance_operation(p_operation_id uuid, p_limit int default 50)
returns int
language plpgsql
set search_path = ''
as $$
declare
  c_wait constant interval := '5 seconds';
  -- With a rate, a slice is the share of this time.
  c_paced_seconds constant int := 6;
  v_operation stepbase.run_operations;
  v_limit int := p_limit;
  v_ids uuid[];
  v_id uuid;
  v_effect uuid;
  v_effects uuid[] := '{}';
  v_failed int := 0;
  v_skipped int := 0;
  v_error jsonb;
  v_state text;
  v_message text;
  v_next_slice_at timestamptz;
  v_place int;
begin
  -- One worker at a time, and not while a member stops the operation.
  select o.* into v_operation from stepbase.run_operations o
  where o.id = p_operation_id and o.status = 'running' for no key update skip locked;
  if not found then
    return 0;
  end if;
  v_place := v_operation.done + v_operation.failed + v_operation.skipped;
  if v_operation.max_per_minute is not null then
    v_limit := least(p_limit, greatest(1, v_operation.max_per_minute * c_paced_seconds / 60));
  end if;
  select s.run_ids[v_place + 1 : v_place + v_limit] into v_ids
  from stepbase_engine.selected_runs s where s.operation_id = p_operation_id;
  -- In the order in which every transaction locks runs.
  perform 1 from stepbase.runs r where r.id = any(v_ids) order by r.id for no key update;

  foreach v_id in array coalesce(v_ids, '{}') loop
    begin
      v_effect := stepbase_engine.act_on_run(v_operation, v_id);
      if v_effect is null then
        v_skipped := v_skipped + 1;
      else
        v_effects := v_effects || v_effect;
      end if;
    exception
      when others then
        get stacked diagnostics v_state = returned_sqlstate, v_message = message_text;
        -- The database is the cause, or another transaction: the slice is repeated.
        if stepbase_private.is_temporary_error(v_state) then
          raise;
        end if;
        v_error := jsonb_build_object(
          'code', coalesce((select e.name from stepbase.error_codes e where e.sqlstate = v_state), 'engine_error'),
          'message', v_message, 'run_id', v_id, 'at', stepbase_engine.now()
        );
        -- A limit of the application or of the workflow: this run and the others wait for room. A signal that a run
        -- has no room for says nothing about the other runs.
        if v_state = 'SB429' and v_operation.action <> 'signal' then
          v_next_slice_at := stepbase_engine.now() + c_wait;
          exit;
        end if;
        v_failed := v_failed + 1;
        perform stepbase_engine.record_operation_failure(v_operation, v_id, v_operation.failed + v_failed, v_error);
    end;
  end loop;
  if v_effects <> '{}' then
    insert into stepbase_engine.operation_effects (operation_id, place, run_ids)
    values (p_operation_id, v_place, v_effects);
  end if;
  v_next_slice_at := greatest(
    v_next_slice_at,
    stepbase_engine.now()
    + (cardinality(v_effects) + v_failed + v_skipped) * interval '1 minute' / v_operation.max_per_minute
  );
  perform stepbase_engine.count_outcomes(
    v_operation, cardinality(v_effects), v_failed, v_skipped, v_error, v_next_slice_at
  );
  return cardinality(v_effects) + v_failed + v_skipped;
end;
$$;

comment on function stepbase_engine.advance_operation(uuid, int) is
  'Acts on the next runs of an operation, at most p_limit, and returns how many; 0: the operation has ended, waits, or '
  'another worker acts on its runs.';

create function stepbase_engine.fail_operation_run(p_operation_id uuid, p_place int, p_message text)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_operation stepbase.run_operations;
  v_id uuid;
  v_error jsonb;
begin
  select o.* into v_operation from stepbase.run_operations o
  where o.id = p_operation_id and o.status = 'running' and o.done + o.failed + o.skipped = p_place for no key update;
  if not found then
    return;
  end if;
  select s.run_ids[p_place + 1] into v_id
  from stepbase_engine.selected_runs s where s.operation_id = p_operation_id;
  v_error := jsonb_build_object(
    'code', 'engine_timeout', 'message', p_message, 'run_id', v_id, 'at', stepbase_engine.now()
  );
  perform stepbase_engine.record_operation_failure(v_operation, v_id, v_operation.failed + 1, v_error);
  perform stepbase_engine.count_outcomes(v_operation, 0, 1, 0, v_error, null);
end;
$$;

comment on function stepbase_engine.fail_operation_run(uuid, int, text) is
  'Counts the run at a place of an operation as failed: its action took too long although it was alone in its slice. '
  'Without effect if another worker has acted on that run.';

create function stepbase_engine.due_operations(p_limit int default 20)
returns table (operation_id uuid, place int)
language sql
stable
set search_path = ''
as $$
  select d.id, d.place
  from (
    select distinct on (o.app_code) o.id, o.created_at, o.done + o.failed + o.skipped as place
    from stepbase.run_operations o
    join stepbase.applications a on a.app_code = o.app_code and a.deleted_at is null
    where o.status = 'running' and coalesce(o.next_slice_at <= stepbase_engine.now(), true)
    order by o.app_code, o.created_at, o.id
  ) d
  order by d.created_at, d.id
  limit p_limit;
$$;

comment on function stepbase_engine.due_operations(int) is
  'The operations whose next slice is due, with the place of the last run: the oldest one of each application. A worker '
  'acts on one slice of each in turn, so that a large operation does not delay those of other applications.';

create function stepbase_engine.has_due_operations()
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  -- The first condition is all that a call costs while there is no operation.
  return exists (select 1 from stepbase.run_operations o where o.status = 'running')
    and exists (select 1 from stepbase_engine.due_operations(1));
end;
$$;

comment on function stepbase_engine.has_due_operations() is 'Whether a slice of an operation on many runs is due.';

create function stepbase_engine.next_operation_at()
returns timestamptz
language plpgsql
stable
set search_path = ''
as $$
begin
  return (
    select min(o.next_slice_at) from stepbase.run_operations o
    where o.status = 'running' and o.next_slice_at > stepbase_engine.now()
  );
end;
$$;

comment on function stepbase_engine.next_operation_at() is
  'When the next operation that waits for room continues; null: none waits.';
