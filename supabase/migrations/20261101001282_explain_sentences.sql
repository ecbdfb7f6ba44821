-- The parts of the answers of explain_run: reasons, times and durations as text, and whether a worker is alive.

create function stepbase_engine.duration_text(p_duration interval)
returns text
language sql
immutable
set search_path = ''
as $$
  select case
    when s.seconds < 120 then s.seconds || ' s'
    when s.seconds < 7200 then s.seconds / 60 || ' min'
    when s.seconds < 172800 then s.seconds / 3600 || ' h'
    else s.seconds / 86400 || ' d'
  end
  from (select greatest(floor(extract(epoch from p_duration)), 0)::bigint as seconds) s;
$$;

comment on function stepbase_engine.duration_text(interval) is
  'A duration in whole seconds, minutes, hours or days, rounded down: 40 s, 5 min, 3 h, 2 d.';

create function stepbase_engine.time_text(p_time timestamptz)
returns text
language sql
stable
set search_path = ''
as $$
  select to_char(
    p_time at time zone 'UTC',
    case
      when (p_time at time zone 'UTC')::date = (stepbase_engine.now() at time zone 'UTC')::date then 'HH24:MI:SS "UTC"'
      else 'YYYY-MM-DD HH24:MI:SS "UTC"'
    end
  );
$$;

comment on function stepbase_engine.time_text(timestamptz) is 'A time in UTC as text, without the date if it is today.';

create function stepbase_engine.place_text(p_place bigint, p_total bigint, p_most bigint)
returns text
language sql
immutable
set search_path = ''
as $$
  select case
    when p_place is null or p_place > p_most then format('Place above %s', p_most)
    when p_total > p_most then format('Place %s of more than %s', p_place, p_most)
    else format('Place %s of %s', p_place, greatest(p_total, p_place))
  end;
$$;

comment on function stepbase_engine.place_text(bigint, bigint, bigint) is
  'The beginning of a sentence about a place in a line that was counted up to p_most.';

create function stepbase_engine.reason(
  p_code text, p_sentence text, p_since timestamptz, p_until timestamptz default null, p_facts jsonb default '{}'
)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object('code', p_code, 'sentence', p_sentence, 'since', p_since, 'until', p_until)
    || jsonb_strip_nulls(p_facts);
$$;

comment on function stepbase_engine.reason(text, text, timestamptz, timestamptz, jsonb) is
  'One reason why a run or step does not continue: {code, sentence, since, until, …facts}. until: when the wait ends '
  'without an event; null: not known. Facts that are null are left out.';

create function stepbase_engine.deadline_text(p_deadline timestamptz)
returns text
language sql
stable
set search_path = ''
as $$
  select case
    when p_deadline is null then ''
    else format(' The deadline is at %s.', stepbase_engine.time_text(p_deadline))
  end;
$$;

comment on function stepbase_engine.deadline_text(timestamptz) is 'A further sentence that names a deadline; empty without one.';

create function stepbase_engine.worker_silence(
  p_app_code text, out is_alive boolean, out last_heartbeat_at timestamptz, out sentence text
)
language sql
stable
set search_path = ''
as $$
  select
    stepbase_engine.is_worker_alive(),
    w.last_heartbeat_at,
    case
      when w.last_heartbeat_at is null then 'No worker has ever sent a heartbeat.'
      when not stepbase_engine.is_worker_alive() then format(
        'No worker has sent a heartbeat for %s.',
        stepbase_engine.duration_text(stepbase_engine.now() - w.last_heartbeat_at)
      )
      else ''
    end
  from (
    select max(h.last_heartbeat_at) as last_heartbeat_at
    from stepbase.workers h
    where h.app_code is null or h.app_code = p_app_code
  ) w;
$$;

comment on function stepbase_engine.worker_silence(text) is
  'Whether a worker is alive, the last heartbeat of the workers that serve an application, and a sentence about their '
  'silence, which is empty while a worker is alive.';

create function stepbase_engine.needs_worker(p_reason jsonb, p_app_code text)
returns jsonb
language sql
stable
set search_path = ''
as $$
  -- since: the later of the last heartbeat and the begin of the wait.
  select case
    when w.is_alive then p_reason
    else p_reason || jsonb_build_object(
      'code', 'no_worker',
      'sentence', w.sentence || ' ' || (p_reason ->> 'sentence'),
      'since', greatest(w.last_heartbeat_at, (p_reason ->> 'since')::timestamptz),
      'waits_for', p_reason ->> 'code',
      'last_heartbeat_at', w.last_heartbeat_at
    )
  end
  from stepbase_engine.worker_silence(p_app_code) w;
$$;

comment on function stepbase_engine.needs_worker(jsonb, text) is
  'A reason that ends as soon as a worker has time for it. Without a worker its code is no_worker, and waits_for has its own '
  'code.';

create function stepbase_engine.needs_slot(
  p_code text, p_place text, p_busy bigint, p_slots bigint, p_since timestamptz, p_app_code text, p_facts jsonb
)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select case
    when p_busy >= p_slots then stepbase_engine.reason(
      p_code,
      rtrim(format('%s; %s of %s slots are busy. %s', p_place, p_busy, p_slots, w.sentence)), p_since, null,
      p_facts || jsonb_build_object('slots', p_slots, 'slots_busy', p_busy)
    )
    else stepbase_engine.needs_worker(
      stepbase_engine.reason('admission', p_place || '; a worker admits it next.', p_since, null, p_facts), p_app_code
    )
  end
  from stepbase_engine.worker_silence(p_app_code) w;
$$;

comment on function stepbase_engine.needs_slot(text, text, bigint, bigint, timestamptz, text, jsonb) is
  'Reason p_code if all slots of a limit are busy, with slots and slots_busy; otherwise admission, or no_worker. p_place begins '
  'the sentence.';
