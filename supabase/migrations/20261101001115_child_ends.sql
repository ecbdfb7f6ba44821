-- Child workflows, part 3: the end of a run, or of a step that waited for a child, changes its parent and its
-- children. The relay calls these functions with all runs locked in the order of their ids.

create function stepbase_engine.close_children(p_child_ids uuid[], p_message text)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_children uuid[];
  v_policy text;
begin
  -- A child with request_cancel compensates before it ends; one with terminate does not.
  foreach v_policy in array array['terminate', 'request_cancel'] loop
    select array_agg(c.id) into v_children
    from stepbase.runs c
    where c.id = any(p_child_ids)
      and c.completed_at is null
      and c.parent_close_policy = v_policy;
    if v_children is not null then
      perform stepbase_engine.end_runs(
        v_children, 'cancelled', jsonb_build_object('code', 'parent_closed', 'message', p_message),
        null, v_policy = 'request_cancel'
      );
    end if;
  end loop;
end;
$$;

comment on function stepbase_engine.close_children(uuid[], text) is
  'Cancels the open runs among these children according to their parent_close_policy (terminate or '
  'request_cancel; abandon leaves them running). The message goes into their error parent_closed. The caller '
  'has locked them.';

create function stepbase_engine.detach_children(p_run_ids uuid[], p_step_run_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
begin
  insert into stepbase.outbox (app_code, aggregate_type, aggregate_id, event_type)
  select c.app_code, 'run', c.id, 'child.detached'
  from stepbase.runs c
  where c.parent_run_id = any(p_run_ids)
    and c.parent_step_run_id = any(p_step_run_ids)
    and c.completed_at is null
    and c.parent_close_policy <> 'abandon';
  if found then
    perform pg_notify('stepbase', 'outbox');
  end if;
end;
$$;

comment on function stepbase_engine.detach_children(uuid[], uuid[]) is
  'Called when waiting steps end while their runs go on: asks the relay (outbox, child.detached) to close the '
  'children of these steps.';

create function stepbase_engine.handle_run_ended(p_run_ids uuid[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_run stepbase.runs;
begin
  for v_run in
    select r.* from stepbase.runs r
    where r.id = any(p_run_ids) and (r.completed_at is not null or r.pending_outcome is not null)
    order by r.id
  loop
    if v_run.parent_step_run_id is not null and v_run.completed_at is not null then
      if v_run.status = 'completed' then
        perform stepbase_engine.complete_waiting_steps(
          array[v_run.parent_step_run_id], array[coalesce(v_run.output, '{}')], array[null::text]
        );
      else
        perform stepbase_engine.fail(
          array[v_run.parent_run_id], array[v_run.parent_step_run_id], array[null::int],
          array[null::jsonb],
          array[
            jsonb_build_object(
              'code', 'child_' || v_run.status,
              'message', format('Child run %s ended with status %s', v_run.id, v_run.status),
              'retryable', false,
              'details', jsonb_strip_nulls(
                jsonb_build_object('run_id', v_run.id, 'error', v_run.error)
              )
            )
          ]
        );
      end if;
    end if;

    if v_run.canary_id is not null and v_run.completed_at is not null then
      perform stepbase_engine.check_canary(v_run.canary_id);
    end if;

    if v_run.parent_run_id is not null and v_run.completed_at is not null then
      perform 1 from stepbase.runs r
      where r.id = v_run.parent_run_id and r.completed_at is null for no key update;
      if found then
        perform stepbase_engine.start_blocked_children(v_run.parent_run_id);
        -- Compensation of the parent waits until its last child has ended.
        perform stepbase_engine.continue_compensation(array[v_run.parent_run_id]);
      end if;
    end if;

    perform stepbase_engine.close_children(
      array(select c.id from stepbase.runs c where c.parent_run_id = v_run.id and c.completed_at is null),
      format('The parent run ends with status %s', coalesce(v_run.pending_outcome ->> 'status', v_run.status))
    );
  end loop;
end;
$$;

comment on function stepbase_engine.handle_run_ended(uuid[]) is
  'Applies the end of runs to other runs: completes or fails the parent step, starts children that waited for '
  'this one, checks the canary, continues the compensation of the parent and closes open children (also when the run starts to '
  'compensate). The caller has locked all of these runs.';
