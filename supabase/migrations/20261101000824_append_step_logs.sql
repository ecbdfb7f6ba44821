-- append_step_logs: writes the log lines of attempts, with their seqs and within their bounds, and sends one message
-- for each run. It runs in a transaction of its own, so a transition never waits for it.

create function stepbase_engine.send_step_logs(p_run_ids uuid[], p_seqs bigint[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  c_lines constant int := 50;
  c_bytes constant int := 32768;
begin
  if to_regclass('realtime.messages') is null then
    return;
  end if;
  insert into realtime.messages (id, topic, extension, payload, event, private)
  select
    stepbase_engine.new_id(), 'stepbase:run:' || m.run_id, 'broadcast',
    case
      when octet_length(m.payload::text) <= c_bytes then m.payload
      else m.payload || '{"logs": [], "truncated": true}' end,
    'logs', true
  from (
    select
      w.run_id,
      jsonb_build_object(
        'run_id', w.run_id, 'seq_from', min(w.seq_from) + 1, 'seq', max(l.seq),
        'logs', jsonb_agg(
          jsonb_build_object(
            'seq', l.seq, 'step_id', l.step_id, 'item_index', l.item_index, 'attempt', l.attempt, 'level', l.level,
            'message', l.message, 'at', l.logged_at
          ) order by l.seq
        ) filter (where l.seq <= w.seq_from + c_lines)
      ) || case when count(*) > c_lines then '{"truncated": true}'::jsonb else '{}' end as payload
    from unnest(p_run_ids, p_seqs) as w (run_id, seq_from)
    join stepbase.step_logs l on l.run_id = w.run_id and l.seq > w.seq_from
    group by w.run_id
  ) m;
exception
  -- There is no partition for today. Realtime creates it when the first client joins: no client listens yet.
  when check_violation then
    return;
  when others then
    raise warning 'stepbase: a broadcast of log lines failed: %', sqlerrm;
end;
$$;

comment on function stepbase_engine.send_step_logs(uuid[], bigint[]) is
  'Sends one private Realtime message for each run: topic stepbase:run:<id>, event logs, payload {run_id, seq_from, seq, logs: '
  '[{seq, step_id, item_index, attempt, level, message, at}]} with the lines after the seq of p_seqs: at most 50 and 32 KB, '
  'otherwise truncated is true.';

create function stepbase_engine.write_step_logs(p_step_run_ids uuid[], p_fences int[], p_entries jsonb[])
returns int
language plpgsql
set search_path = ''
as $$
declare
  c_lines constant int := 1000;
  c_bytes constant int := 262144;
  c_message constant int := 4000;
  c_data_bytes constant int := 8192;
  v_now constant timestamptz := stepbase_engine.now();
  v_runs uuid[];
  v_seqs bigint[];
  v_lines int;
begin
  -- The writers of a run wait for each other, so that a reader of the lines after a seq misses none. In the order of
  -- the keys: two batches never wait for each other.
  perform pg_advisory_xact_lock(k.key)
  from (
    select distinct hashtextextended('stepbase.step_logs:' || s.run_id, 0) as key
    from unnest(p_step_run_ids, p_fences) as g (step_run_id, fence)
    join stepbase.step_runs s on s.id = g.step_run_id and s.fence = g.fence
    order by 1
    offset 0
  ) k;

  with attempt as (
    select s.id, s.run_id, s.app_code, s.step_id, s.item_index, s.attempt, g.entries, g.ord
    from unnest(p_step_run_ids, p_fences, p_entries) with ordinality as g (step_run_id, fence, entries, ord)
    join stepbase.step_runs s on s.id = g.step_run_id and s.fence = g.fence
  ),
  used as (
    select
      a.id, count(l.seq) as lines,
      coalesce(sum(octet_length(l.message) + coalesce(octet_length(l.data::text), 0)), 0) as bytes,
      coalesce(bool_or(l.is_truncated), false) as is_full
    from (select distinct t.id from attempt t) a
    left join stepbase.step_logs l on l.step_run_id = a.id
    group by a.id
  ),
  entry as (
    select
      a.id, a.run_id, a.app_code, a.step_id, a.item_index, a.attempt, a.ord, e.ord as place,
      e.value ->> 'level' as level,
      case
        when length(e.value ->> 'message') <= c_message then e.value ->> 'message'
        else left(e.value ->> 'message', c_message - 1) || '…'
      end as message,
      case
        when octet_length((e.value -> 'data')::text) > c_data_bytes then '{"too_large": true}'::jsonb
        when jsonb_typeof(e.value -> 'data') = 'object' then e.value -> 'data'
      end as data,
      coalesce(least(stepbase_private.iso_time(e.value ->> 'at', 'at'), v_now), v_now) as logged_at
    from attempt a
    cross join lateral jsonb_array_elements(a.entries) with ordinality as e (value, ord)
  ),
  -- counted: how many lines and bytes the attempt has with this line.
  counted as (
    select
      e.*,
      u.lines + row_number() over attempt as line,
      u.bytes + sum(octet_length(e.message) + coalesce(octet_length(e.data::text), 0)) over attempt as bytes
    from entry e
    join used u on u.id = e.id and not u.is_full
    window attempt as (partition by e.id order by e.ord, e.place)
  ),
  kept as (
    select c.*, c.line >= c_lines or c.bytes > c_bytes as is_beyond from counted c
  ),
  -- chosen: the lines within the bounds and, once, a last line that tells of the others.
  chosen as (
    select k.* from kept k where not k.is_beyond
    union all
    (select distinct on (k.id) k.* from kept k where k.is_beyond order by k.id, k.ord, k.place)
  ),
  start as (
    select r.run_id, r.app_code, coalesce(n.seq, 0) as seq
    from (select distinct c.run_id, c.app_code from chosen c) r
    left join lateral (
      select l.seq from stepbase.step_logs l
      where l.run_id = r.run_id and l.app_code = r.app_code
      order by l.seq desc
      limit 1
    ) n on true
  ),
  written as (
    insert into stepbase.step_logs (
      run_id, app_code, seq, step_run_id, step_id, item_index, attempt, level, message, data, is_truncated, logged_at
    )
    select
      c.run_id, c.app_code, s.seq + row_number() over (partition by c.run_id order by c.ord, c.place),
      c.id, c.step_id, c.item_index, c.attempt,
      case when c.is_beyond then 'warn' else c.level end,
      case when c.is_beyond then 'The attempt wrote more lines than it may keep. Later lines are dropped.' else c.message end,
      case when not c.is_beyond then c.data end, c.is_beyond, c.logged_at
    from chosen c
    join start s on s.run_id = c.run_id
    returning 1
  )
  select array_agg(s.run_id), array_agg(s.seq), (select count(*) from written)
  into v_runs, v_seqs, v_lines
  from start s;

  if v_lines > 0 then
    perform stepbase_engine.send_step_logs(v_runs, v_seqs);
  end if;
  return v_lines;
end;
$$;

comment on function stepbase_engine.write_step_logs(uuid[], int[], jsonb[]) is
  'Writes the lines [{level, message, data?, at?}] of several attempts and returns the number of rows. Lines of an attempt '
  'that was claimed again since (another fence) are dropped; those of an attempt that has ended are not, so a worker can '
  'write them after the result. An attempt keeps 999 lines and 256 KB, then a row with is_truncated. A message is cut at '
  '4,000 characters; data above 8 KB is dropped.';

create function stepbase_engine.append_step_logs(p_step_run_id uuid, p_attempt int, p_entries jsonb)
returns int
language plpgsql
set search_path = ''
as $$
declare
  c_entries constant int := 100;
  v_step stepbase.step_runs;
begin
  if jsonb_typeof(p_entries) is distinct from 'array' or jsonb_array_length(p_entries) not between 1 and c_entries
    or exists (
      select 1
      from jsonb_array_elements(p_entries) e (value)
      where jsonb_typeof(e.value) <> 'object'
        or coalesce(e.value ->> 'level', '') not in ('debug', 'info', 'warn', 'error')
        or coalesce(jsonb_typeof(e.value -> 'message'), '') <> 'string'
        or coalesce(jsonb_typeof(e.value -> 'data'), 'null') not in ('object', 'null')
        or coalesce(jsonb_typeof(e.value -> 'at'), 'null') not in ('string', 'null')
    ) then
    perform stepbase_private.raise_error(
      'invalid_request',
      format('Log lines must be a list of 1 to %s objects {level, message, data?, at?}; level is debug, info, warn or error', c_entries)
    );
  end if;
  select s.* into v_step
  from stepbase.step_runs s
  where s.id = p_step_run_id and s.attempt = p_attempt;
  if v_step.status is distinct from 'waiting'
    and not (v_step.status is not distinct from 'running' and stepbase_engine.is_leased(v_step.job_id)) then
    perform stepbase_private.raise_error(
      'conflict', 'The attempt does not hold its lease any more', jsonb_build_object('reason', 'lease_lost')
    );
  end if;
  return stepbase_engine.write_step_logs(array[v_step.id], array[v_step.fence], array[p_entries]);
end;
$$;

comment on function stepbase_engine.append_step_logs(uuid, int, jsonb) is
  'Writes 1 to 100 lines [{level, message, data?, at?}] of an attempt that runs under a lease or waits, and returns the number '
  'of rows. Errors: SB400 invalid_request for other entries, SB409 with the reason lease_lost if the attempt has ended, or '
  'its lease has expired.';
