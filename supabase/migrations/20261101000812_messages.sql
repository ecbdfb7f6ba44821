-- Messages: what subscribers of Realtime hear of runs. A transaction sends at most one message per run, and at most one
-- per app about the runs whose status or tasks changed, however many transitions it makes. So a hosted plan, which
-- drops messages above a rate, can carry them.
--
-- Transitions note their changes in the setting stepbase.unsent, which ends with the transaction and is undone
-- with a savepoint. A deferred trigger sends the messages at the end of the transaction.

create function stepbase_engine.note_changes(p_changes jsonb)
returns void
language plpgsql
set search_path = ''
as $$
declare
  v_unsent constant text := current_setting('stepbase.unsent', true);
  -- Without its brackets, so that a comma joins the lists of a transaction.
  v_changes constant text := substr(p_changes::text, 2, length(p_changes::text) - 2);
begin
  perform set_config('stepbase.unsent', concat_ws(',', nullif(v_unsent, ''), v_changes), true);
end;
$$;

comment on function stepbase_engine.note_changes(jsonb) is
  'Notes changes for the messages of this transaction: a list of {run_id, seq_from, is_status, steps, has_more}. '
  'seq_from: the first new seq of the run; is_status: its status or a task of it changed; steps: the steps that changed, at most 50; '
  'has_more: there are others.';

create function stepbase_engine.newest_steps(p_lists jsonb[])
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(n.step order by n.list, n.place), '[]')
    from (
      select distinct on (s.value -> 'step_id', s.value -> 'item_index', s.value -> 'attempt')
        s.value as step, l.ord as list, s.ord as place
      from unnest(p_lists) with ordinality as l (steps, ord)
      cross join lateral jsonb_array_elements(l.steps) with ordinality as s (value, ord)
      order by s.value -> 'step_id', s.value -> 'item_index', s.value -> 'attempt', l.ord desc, s.ord desc
    ) n
  );
end;
$$;

comment on function stepbase_engine.newest_steps(jsonb[]) is
  'Joins lists of steps, in order. Of a step that changed more than once, only the last state remains.';

create function stepbase_engine.run_summary(p_run_id uuid, out app_code text, out seq bigint, out summary jsonb)
language plpgsql
stable
set search_path = ''
as $$
begin
  select
    r.app_code, r.event_seq,
    jsonb_strip_nulls(jsonb_build_object(
      'run_id', r.id, 'workflow_id', r.workflow_id, 'seq', r.event_seq, 'status', r.status,
      'steps_completed', r.steps_completed, 'steps_total', r.steps_total, 'error', r.error,
      'at', to_jsonb(r.updated_at)
    ))
  into run_summary.app_code, run_summary.seq, run_summary.summary
  from stepbase.runs r
  where r.id = p_run_id;
end;
$$;

comment on function stepbase_engine.run_summary(uuid) is
  'The application of a run, its last seq, and what messages say about the run. Nulls without such a run. A function of '
  'its own, so that a look-up by id remains one: joined, the planner may read all runs.';

create function stepbase_engine.messages_of(
  p_unsent jsonb, out topics text[], out names text[], out payloads jsonb[]
)
language plpgsql
stable
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
as $$
declare
  c_steps constant int := 50;
  c_runs constant int := 50;
begin
  with change as (
    select
      c.run_id, min(c.seq_from) as seq_from, bool_or(c.is_status) as is_status, bool_or(c.has_more) as has_more,
      case count(*) when 1 then (array_agg(c.steps))[1]
        else stepbase_engine.newest_steps(array_agg(c.steps order by c.ord)) end as steps
    from rows from (
      jsonb_to_recordset(p_unsent) as (run_id uuid, seq_from bigint, is_status boolean, steps jsonb, has_more boolean)
    ) with ordinality as c (run_id, seq_from, is_status, steps, has_more, ord)
    group by c.run_id
  ),
  run as (
    select
      c.*, r.app_code, r.seq, r.summary,
      c.has_more or jsonb_array_length(c.steps) > c_steps as is_truncated,
      row_number() over (partition by r.app_code, c.is_status order by c.run_id) as place
    from change c
    cross join lateral stepbase_engine.run_summary(c.run_id) r
    where r.seq is not null
  ),
  message as (
    select
      'stepbase:run:' || r.run_id as topic, 'run' as name,
      r.summary || jsonb_build_object('seq_from', r.seq_from, 'steps', s.steps)
        || case when r.is_truncated then '{"truncated": true}'::jsonb else '{}' end as payload
    from run r
    cross join lateral (
      select case
        when jsonb_array_length(r.steps) <= c_steps then r.steps
        else jsonb_path_query_array(
          r.steps, '$[$from to last]', jsonb_build_object('from', jsonb_array_length(r.steps) - c_steps)
        ) end as steps
    ) s
    -- No client knows the id of a run that was just created.
    where r.seq > 1
    union all
    select
      'stepbase:app:' || r.app_code || ':runs', 'runs',
      jsonb_build_object('runs', jsonb_agg(r.summary order by r.place) filter (where r.place <= c_runs))
        || case when count(*) > c_runs then '{"truncated": true}'::jsonb else '{}' end
    from run r
    where r.is_status
    group by r.app_code
  )
  select array_agg(m.topic), array_agg(m.name), array_agg(m.payload)
  into messages_of.topics, messages_of.names, messages_of.payloads
  from message m;
end;
$$;

comment on function stepbase_engine.messages_of(jsonb) is
  'The messages about the changes that note_changes collected, without the limit of their size: topics, names of the '
  'events and payloads, in the same order. See stepbase_engine.broadcast.';

create function stepbase_engine.messages_of_one(
  p_change jsonb, out topics text[], out names text[], out payloads jsonb[]
)
language plpgsql
stable
set search_path = ''
as $$
declare
  v_run record;
begin
  select r.* into v_run from stepbase_engine.run_summary((p_change ->> 'run_id')::uuid) r;
  if v_run.seq is null then
    return;
  end if;
  if v_run.seq > 1 then
    topics := array['stepbase:run:' || (p_change ->> 'run_id')];
    names := array['run'];
    payloads := array[
      v_run.summary || jsonb_build_object('seq_from', p_change -> 'seq_from', 'steps', p_change -> 'steps')
        || case when (p_change ->> 'has_more')::boolean then '{"truncated": true}'::jsonb else '{}' end
    ];
  end if;
  if (p_change ->> 'is_status')::boolean then
    topics := topics || ('stepbase:app:' || v_run.app_code || ':runs');
    names := names || 'runs'::text;
    payloads := payloads || jsonb_build_object('runs', jsonb_build_array(v_run.summary));
  end if;
end;
$$;

comment on function stepbase_engine.messages_of_one(jsonb) is
  'messages_of for a transaction with one change, such as the start of a run or one result: a fifth of the time.';

create function stepbase_engine.broadcast(p_unsent jsonb)
returns void
language plpgsql
set search_path = ''
as $$
declare
  c_bytes constant int := 32768;
  v_is_18 constant boolean := current_setting('server_version_num')::int >= 180000;
  v_sent record;
begin
  if jsonb_array_length(p_unsent) = 1 then
    select m.* into v_sent from stepbase_engine.messages_of_one(p_unsent -> 0) m;
  else
    select m.* into v_sent from stepbase_engine.messages_of(p_unsent) m;
  end if;

  -- A message that is too long loses its list.
  v_sent.payloads := array(
    select case
      when octet_length(p::text) <= c_bytes then p
      when p ? 'runs' then p || '{"runs": [], "truncated": true}'
      else p || '{"steps": [], "truncated": true}' end
    from unnest(v_sent.payloads) p
  );

  -- realtime.send for many messages at once: private, delivered on commit. The ids are ordered by time, not random as
  -- Realtime's own: so the key grows at its end.
  if v_is_18 then
    -- The built-in function saves a function call per row.
    insert into realtime.messages (id, topic, extension, payload, event, private)
    select uuidv7(), m.topic, 'broadcast', m.payload, m.event, true
    from unnest(v_sent.topics, v_sent.names, v_sent.payloads) as m (topic, event, payload);
  else
    insert into realtime.messages (id, topic, extension, payload, event, private)
    select stepbase_engine.new_id(), m.topic, 'broadcast', m.payload, m.event, true
    from unnest(v_sent.topics, v_sent.names, v_sent.payloads) as m (topic, event, payload);
  end if;
exception
  -- There is no partition for today. Realtime creates it when the first client joins: no client listens yet.
  when check_violation then
    return;
  -- The messages are lost and the transition succeeds: clients notice the gap in the seqs and read the rows.
  when others then
    raise warning 'stepbase: a broadcast failed: %', sqlerrm;
end;
$$;

comment on function stepbase_engine.broadcast(jsonb) is
  'Sends private Realtime messages about the changes that note_changes collected. stepbase:run:<id>, event run: {run_id, '
  'workflow_id, seq_from, seq, status, steps_completed, steps_total, error, at, steps: [{step_id, item_index, attempt, '
  'status, handle, error}]}. stepbase:app:<app_code>:runs, event runs: {runs: [the same without seq_from and steps]} for '
  'runs of which the status or a task changed. At most 50 steps or runs and 32 KB; then truncated is true, and without the '
  'list above 32 KB. A failure loses the messages and raises a warning.';

create function stepbase_engine.send_messages()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
-- Security definer: it is executed at the end of the transaction, as the role of the client.
declare
  v_unsent constant text := current_setting('stepbase.unsent', true);
begin
  -- The first call of a transaction sends the messages of all its runs.
  if v_unsent <> '' then
    perform set_config('stepbase.unsent', '', true);
    if to_regclass('realtime.messages') is not null then
      perform stepbase_engine.broadcast(('[' || v_unsent || ']')::jsonb);
    end if;
  end if;
  return null;
end;
$$;

comment on function stepbase_engine.send_messages() is
  'Trigger function: sends the messages of the transaction. Without Realtime there are none.';

create constraint trigger runs_send_messages
after insert or update of event_seq on stepbase.runs
deferrable initially deferred
for each row execute function stepbase_engine.send_messages();
