-- matching_runs: the runs that match a filter, in pages. A page reads runs in order from the index of its most
-- selective condition and checks the other conditions on them. It examines a bounded number of runs, so a page can be
-- shorter than its limit although more runs follow; only a null cursor is the end.

create function stepbase_private.count_values(p_filter stepbase_private.run_filter)
returns int
language sql
immutable
set search_path = ''
as $$
  select coalesce(cardinality(p_filter.paths), 0) + coalesce(cardinality(p_filter.tags), 0);
$$;

comment on function stepbase_private.count_values(stepbase_private.run_filter) is
  'How many input values and tags the runs of a filter have.';

create function stepbase_private.run_values_of(p_filter stepbase_private.run_filter)
returns table (path text, value text)
language sql
immutable
set search_path = ''
as $$
  select * from unnest(p_filter.paths, p_filter.path_values)
  union all
  select '#', g from unnest(p_filter.tags) g;
$$;

comment on function stepbase_private.run_values_of(stepbase_private.run_filter) is
  'The input values and tags that the runs of a filter have, as stepbase.run_values stores them.';

create function stepbase_private.run_sources(p_filter stepbase_private.run_filter)
returns table (source text, value text)
language plpgsql
stable
set search_path = ''
as $$
declare
  c_counted constant int := 1000;
begin
  -- The conditions that select the fewest runs come first. $1 is the filter, $2 the value.
  if p_filter.ids is not null then
    return query values ('t.app_code = ($1).app_code and t.id = any(($1).ids)', null::text);
  elsif p_filter.idempotency_key is not null then
    return query values ('t.app_code = ($1).app_code and t.idempotency_key = $2', p_filter.idempotency_key);
  elsif stepbase_private.count_values(p_filter) > 1 then
    -- The rarest value, by the entries of an index up to a bound.
    return query
    select format('t.path = %L', w.path), w.value
    from stepbase_private.run_values_of(p_filter) w
    cross join lateral (
      select count(*) as runs
      from (
        select 1
        from stepbase.run_values v
        where v.app_code = p_filter.app_code and v.path = w.path and v.value = w.value
        limit c_counted
      ) v
    ) n
    order by n.runs
    limit 1;
  elsif stepbase_private.count_values(p_filter) = 1 then
    return query select format('t.path = %L', w.path), w.value from stepbase_private.run_values_of(p_filter) w;
  elsif p_filter.error_code is not null then
    return query values ('t.app_code = ($1).app_code and t.error is not null and t.error ->> ''code'' = $2', p_filter.error_code);
  elsif p_filter.created_by is not null then
    return query values ('t.created_by = $2::uuid and t.app_code = ($1).app_code', p_filter.created_by::text);
  elsif cardinality(p_filter.workflow_ids) <= 50 then
    return query
    select 't.workflow_id = $2::uuid and t.app_code = ($1).app_code', w.id::text from unnest(p_filter.workflow_ids) w (id);
  elsif p_filter.statuses is not null then
    return query select 't.app_code = ($1).app_code and t.status = $2', s.name from unnest(p_filter.statuses) s (name);
  else
    return query values ('t.app_code = ($1).app_code', null::text);
  end if;
end;
$$;

comment on function stepbase_private.run_sources(stepbase_private.run_filter) is
  'From which parts of which index the runs of a filter are read: a condition and its value, one row for each part.';

create function stepbase_private.run_scan(
  p_source text, p_filter stepbase_private.run_filter, p_descending boolean, p_is_later boolean
)
returns text
language sql
immutable
set search_path = ''
as $$
  select format(
    'select t.created_at, %1$s as id%2$s from %3$s%4$s%5$s order by t.created_at %6$s, %1$s %6$s limit $5',
    v.key,
    case when not v.is_value then
      ', t.app_code, t.status, t.workflow_id, t.workflow_version_id, t.trigger_type, t.created_by, t.error, t.idempotency_key'
    end,
    case
      -- offset 0: these few runs are read by their index and sorted. The planner would read all runs in order instead.
      when v.is_few then format('(select t.* from stepbase.runs t where %s offset 0)', p_source)
      when v.is_value then 'stepbase.run_values'
      else 'stepbase.runs'
    end || ' t where ',
    case
      when v.is_few then 'true'
      when v.is_value then 't.app_code = ($1).app_code and t.value = $2 and ' || p_source
      else p_source
    end,
    concat(
      case when p_filter.created_from is not null then ' and t.created_at >= ($1).created_from' end,
      case when p_filter.created_before is not null then ' and t.created_at < ($1).created_before' end,
      case when p_is_later then
        format(' and (t.created_at, %s) %s ($3, $4)', v.key, case when p_descending then '<' else '>' end)
      end
    ),
    case when p_descending then 'desc' else 'asc' end
  )
  from (
    select
      p_source like 't.path%' as is_value,
      p_source like 't.app_code%t.id = any%' or p_source like 't.app_code%t.idempotency_key = $2' as is_few,
      case when p_source like 't.path%' then 't.run_id' else 't.id' end as key
  ) v;
$$;

comment on function stepbase_private.run_scan(text, stepbase_private.run_filter, boolean, boolean) is
  'The query that reads the runs of a source in order: $1 filter, $2 value, $3 and $4 the last run of the page before, $5 how '
  'many.';

create function stepbase_private.run_conditions(p_filter stepbase_private.run_filter)
returns text
language sql
immutable
set search_path = ''
as $$
  select coalesce(string_agg(c.condition, ' and '), 'true')
  from (
    values
      (case when p_filter.statuses is not null then 'x.status = any(($1).statuses)' end),
      (case when p_filter.workflow_ids is not null then 'x.workflow_id = any(($1).workflow_ids)' end),
      (case when p_filter.version_id is not null then 'x.workflow_version_id = ($1).version_id' end),
      (case when p_filter.trigger_types is not null then 'x.trigger_type = any(($1).trigger_types)' end),
      (case when p_filter.created_by is not null then 'x.created_by = ($1).created_by' end),
      (case when p_filter.error_code is not null then 'x.error ->> ''code'' = ($1).error_code' end),
      (case when p_filter.idempotency_key is not null then 'x.idempotency_key = ($1).idempotency_key' end)
  ) c (condition)
  where c.condition is not null;
$$;

comment on function stepbase_private.run_conditions(stepbase_private.run_filter) is
  'The conditions of a filter on a run x, without its values; $1 is the filter.';

create function stepbase_private.value_condition(p_filter stepbase_private.run_filter, p_is_value boolean)
returns text
language sql
immutable
set search_path = ''
as $$
  select case
    -- The source has the only value.
    when v.count = 0 or (p_is_value and v.count = 1) then 'true'
    else format(
      '(
        select count(*) from stepbase.run_values o
        where o.run_id = s.id and o.app_code = ($1).app_code
          and (o.path, o.value) in (select * from stepbase_private.run_values_of($1))
      ) = %s', v.count
    )
  end
  from (select stepbase_private.count_values(p_filter) as count) v;
$$;

comment on function stepbase_private.value_condition(stepbase_private.run_filter, boolean) is
  'The condition that the run of s.id has all values of a filter ($1). p_is_value: s is read from one of the values.';

-- The settings make the planner read an index in order: a plan that sorts would read all runs of the condition first.
create function stepbase_private.matching_runs(
  p_filter stepbase_private.run_filter,
  p_descending boolean,
  p_after_time timestamptz,
  p_after_id uuid,
  p_limit int,
  out run_ids uuid[],
  out next_time timestamptz,
  out next_id uuid
)
language plpgsql
stable
set search_path = ''
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
as $$
declare
  c_examined constant int := 10000;
  v_conditions constant text := stepbase_private.run_conditions(p_filter);
  v_source record;
  v_sources int := 0;
  v_examined int;
  v_is_value boolean;
  v_values text;
  v_scan text;
  v_page record;
  v_stop record;
  v_times timestamptz[] := '{}';
  v_ids uuid[] := '{}';
begin
  select count(*) into v_sources from stepbase_private.run_sources(p_filter) s;
  v_examined := greatest(c_examined / greatest(v_sources, 1), 500);
  for v_source in select s.source, s.value from stepbase_private.run_sources(p_filter) s loop
    v_is_value := v_source.source like 't.path%';
    v_values := stepbase_private.value_condition(p_filter, v_is_value);
    v_scan := stepbase_private.run_scan(v_source.source, p_filter, p_descending, p_after_time is not null);
    -- The scan stops as soon as the page is full: a limit without a sort.
    execute format(
      'select array_agg(p.created_at) as times, array_agg(p.id) as ids, count(*) as count
      from (select x.created_at, x.id from (%s) s cross join lateral (%s) x where %s limit $6) p',
      case when v_values = 'true' then v_scan
      -- offset 0: the values are checked before the run is read.
      else format('select s.* from (%s) s where %s offset 0', v_scan, v_values) end,
      case when v_is_value then 'select r.* from stepbase.runs r where r.id = s.id offset 0' else 'select s.*' end,
      v_conditions
    )
    into v_page
    using p_filter, v_source.value, p_after_time, p_after_id, v_examined, p_limit + 1;
    v_times := v_times || v_page.times;
    v_ids := v_ids || v_page.ids;

    -- Where the scan stopped: runs after that place are unknown, also those of the other sources.
    if v_page.count > p_limit then
      select v_page.times[v_page.count] as created_at, v_page.ids[v_page.count] as id into v_stop;
    else
      execute format('select s.created_at, s.id from (%s) s offset $5 - 1', v_scan) into v_stop
      using p_filter, v_source.value, p_after_time, p_after_id, v_examined;
    end if;
    if v_stop.id is not null and (
      next_id is null
      or (p_descending and (v_stop.created_at, v_stop.id) > (next_time, next_id))
      or (not p_descending and (v_stop.created_at, v_stop.id) < (next_time, next_id))
    ) then
      next_time := v_stop.created_at;
      next_id := v_stop.id;
    end if;
  end loop;

  select array_agg(k.created_at order by k.place), array_agg(k.id order by k.place)
  into v_times, v_ids
  from (
    select
      f.created_at, f.id,
      row_number() over (
        order by
          case when p_descending then f.created_at end desc, case when p_descending then f.id end desc,
          f.created_at, f.id
      ) as place
    from unnest(v_times, v_ids) f (created_at, id)
    where next_id is null
      or (p_descending and (f.created_at, f.id) >= (next_time, next_id))
      or (not p_descending and (f.created_at, f.id) <= (next_time, next_id))
  ) k
  where k.place <= p_limit + 1;
  if cardinality(v_ids) > p_limit then
    next_time := v_times[p_limit];
    next_id := v_ids[p_limit];
  end if;
  run_ids := coalesce(v_ids[1:p_limit], '{}');
end;
$$;

comment on function stepbase_private.matching_runs(stepbase_private.run_filter, boolean, timestamptz, uuid, int) is
  'Up to p_limit runs that match a filter of read_filter, in the order of (created_at, id), after the run (p_after_time, '
  'p_after_id); null: from the beginning. next_time and next_id are where to continue; null: no run follows. It examines '
  'about 10,000 runs, so that a page may have fewer runs than p_limit, or none, before the end. The caller has checked the '
  'permission.';
