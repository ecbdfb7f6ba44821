-- wait: handlers ask to wait for time, a person, a signal or another run. The token ends; what is
-- waited for makes a new one.

create function stepbase_engine.wait(
  p_run_ids uuid[],
  p_step_run_ids uuid[],
  p_claims int[],
  p_inputs jsonb[],
  p_waits jsonb[]
)
returns void
language plpgsql
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
declare
  v_parents uuid[];
  v_items jsonb[];
  v_concurrency int[];
  v_starters uuid[];
  v_children jsonb[];
  v_queues uuid[];
  v_nobodys uuid[];
  v_nobodys_runs uuid[];
  v_nobodys_errors jsonb[];
  v_jobs uuid[];
  v_events stepbase_engine.event[];
  v_now timestamptz := stepbase_engine.now();
begin
  perform 1 from stepbase.runs r where r.id = any(p_run_ids) order by r.id for no key update;

  with answer as (
    select a.*
    from unnest(p_step_run_ids, p_claims, p_inputs, p_waits)
      with ordinality as a (id, claim, input, wait, ord)
  ),
  before as (
    select a.*, s.job_id
    from answer a
    join stepbase.step_runs s on s.id = a.id
  ),
  waiting as (
    update stepbase.step_runs s
    set
      status = 'waiting',
      job_id = null,
      input = b.input,
      wait_kind = b.wait ->> 'kind',
      wake_at = coalesce(
        (b.wait ->> 'wake_at')::timestamptz,
        v_now + (b.wait ->> 'timeout_ms')::numeric * interval '1 millisecond'
      ),
      deadline_at = case when b.wait ->> 'kind' in ('task', 'signal', 'queue', 'child')
        then v_now + (b.wait ->> 'timeout_ms')::numeric * interval '1 millisecond' end,
      signal_name = b.wait ->> 'signal_name',
      work_queue_id = (b.wait ->> 'work_queue_id')::uuid,
      task = b.wait -> 'task',
      assigned_to = (
        select m.user_id from stepbase.app_members m
        where m.app_code = s.app_code and m.user_id::text = lower(b.wait #>> '{task,assigned_to}')
      ),
      assigned_at = case when b.wait #>> '{task,assigned_to}' is not null then v_now end,
      assigned_role = (
        select r.name from stepbase.user_roles r where r.name = b.wait #>> '{task,role}'
      ),
      updated_at = v_now
    from before b
    where s.id = b.id and s.status = 'running' and s.claim = b.claim
    returning
      s.id, s.run_id, s.app_code, s.step_id, s.item_index, s.attempt, s.wait_kind, s.wake_at,
      s.work_queue_id, b.job_id, s.task, b.wait, b.ord,
      case
        when s.assigned_at is not null and s.assigned_to is null then 'assignee'
        when b.wait #>> '{task,role}' is not null and s.assigned_role is null then 'role'
      end as unknown
  )
  select
    array_agg(w.id order by w.ord) filter (where w.wait_kind = 'items'),
    array_agg(w.wait -> 'items' order by w.ord) filter (where w.wait_kind = 'items'),
    array_agg((w.wait ->> 'concurrency')::int order by w.ord) filter (where w.wait_kind = 'items'),
    array_agg(w.id order by w.ord) filter (where w.wait_kind = 'child'),
    array_agg(w.wait -> 'child' order by w.ord) filter (where w.wait_kind = 'child'),
    array_agg(distinct w.work_queue_id) filter (where w.wait_kind = 'queue'),
    array_agg(w.id order by w.ord) filter (where w.unknown is not null),
    array_agg(w.run_id order by w.ord) filter (where w.unknown is not null),
    array_agg(
      jsonb_build_object(
        'code', 'unknown_' || w.unknown,
        'message', case w.unknown
          when 'role' then format('there is no role %s', w.task -> 'role')
          else format('no member has the id %s', w.task -> 'assigned_to') end,
        'retryable', false
      ) order by w.ord
    ) filter (where w.unknown is not null),
    array_agg(distinct w.job_id),
    array_agg(
      row(
        w.run_id, w.app_code,
        case when w.wait_kind = 'task' and w.unknown is null then 'task.created' else 'step.waiting' end,
        w.step_id, w.item_index, w.attempt, 'waiting', 0, 0, 0, null,
        jsonb_strip_nulls(jsonb_build_object(
          'wait_kind', w.wait_kind, 'wake_at', w.wake_at, 'title', w.task -> 'title'
        ))
      )::stepbase_engine.event order by w.ord
    )
  into
    v_parents, v_items, v_concurrency, v_starters, v_children, v_queues, v_nobodys, v_nobodys_runs,
    v_nobodys_errors, v_jobs, v_events
  from waiting w;

  if v_events is not null then
    perform stepbase_engine.append_events(v_events);
    perform stepbase_engine.end_tokens(v_jobs);
    if v_parents is not null then
      perform stepbase_engine.expand_items(v_parents, v_items, v_concurrency);
    end if;
    if v_starters is not null then
      perform stepbase_engine.start_children(v_starters, v_children);
    end if;
    if v_queues is not null then
      perform stepbase_engine.wait_for_items(v_queues);
    end if;
    -- A task for somebody who is not there must not become a task for everybody.
    if v_nobodys is not null then
      perform stepbase_engine.fail(
        v_nobodys_runs, v_nobodys, array_fill(null::int, array[cardinality(v_nobodys)]),
        array_fill(null::jsonb, array[cardinality(v_nobodys)]), v_nobodys_errors
      );
    end if;
    perform stepbase_engine.deliver_signals(p_run_ids);
    perform pg_notify('stepbase', 'due');
  end if;
end;
$$;

comment on function stepbase_engine.wait(uuid[], uuid[], int[], jsonb[], jsonb[]) is
'Puts step runs that this worker carries to wait: {kind, wake_at?, timeout_ms?, …} each, with kind task (task: '
'{title, description?, form?, assigned_to?, role?}), delay, signal (signal_name), queue (work_queue_id), items '
'(items, concurrency) or '
'child (child: {workflow, input, wait, parent_close_policy}). A task for an unknown user or role fails '
'(unknown_assignee, unknown_role).';
