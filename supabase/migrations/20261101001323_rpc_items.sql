-- The RPCs that read the items of a for_each: their counts, also by place, and a page of them. A for_each can have a
-- million items, each with several attempts, so neither reads them one by one through the Data API.

create function stepbase_private.count_items(p_run_id uuid, p_step_id text, p_buckets int)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
-- Security definer, as the other calls on runs: application and permission are checked first.
declare
  v_run constant stepbase.runs := stepbase_private.require_run(
    p_run_id, stepbase_private.require_permission('run:read')
  );
  v_total int;
  v_size int;
  v_answer jsonb;
begin
  if p_buckets not between 1 and 500 then
    perform stepbase_private.raise_error('invalid_request', 'buckets must be from 1 to 500');
  end if;
  select s.items_total into v_total
  from stepbase.step_runs s
  where s.run_id = v_run.id and s.step_id = p_step_id and s.item_index = 0
  order by s.attempt desc limit 1;
  v_size := greatest(1, ceil(coalesce(v_total, 0)::numeric / p_buckets));
  with item as (
    select distinct on (s.item_index) (s.item_index - 1) / v_size as bucket, s.status
    from stepbase.step_runs s
    where s.run_id = v_run.id and s.step_id = p_step_id and s.item_index > 0
    order by s.item_index, s.attempt desc
  ),
  part as (select i.bucket, i.status, count(*) as items from item i group by i.bucket, i.status)
  select jsonb_build_object(
    'total', coalesce(v_total, 0),
    'bucket_size', v_size,
    'counts', coalesce(
      (
        select jsonb_object_agg(c.status, c.items)
        from (select p.status, sum(p.items) as items from part p group by p.status) c
      ),
      '{}'
    ),
    'buckets', coalesce(
      (
        select jsonb_agg(
          jsonb_build_object(
            'first', b.bucket * v_size, 'last', least((b.bucket + 1) * v_size, v_total) - 1, 'counts', b.counts
          ) order by b.bucket
        )
        from (select p.bucket, jsonb_object_agg(p.status, p.items) as counts from part p group by p.bucket) b
      ),
      '[]'
    )
  ) into v_answer;
  return v_answer;
end;
$$;

comment on function stepbase_private.count_items(uuid, text, int) is 'Implements stepbase.count_items.';
grant execute on function stepbase_private.count_items(uuid, text, int) to authenticated;

create function stepbase.count_items(run_id uuid, step_id text, buckets int default 100)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_private.count_items(count_items.run_id, count_items.step_id, count_items.buckets);
$$;

comment on function stepbase.count_items(uuid, text, int) is
  'Counts the items of a for_each by the status of their last attempt: {total, bucket_size, counts, buckets}. counts is '
  '{status: items}. buckets, at most as many as asked for (1 to 500), are equal parts of the list in its order: {first, last, '
  'counts}, with places from 0, as in the list. Items that have not started are in total only. Requires run:read. Errors: '
  'SB400, SB401, SB403, SB404.';
grant execute on function stepbase.count_items(uuid, text, int) to authenticated;

create function stepbase_private.list_items(p_run_id uuid, p_step_id text, p_status text, p_after int, p_page_size int)
returns setof stepbase.step_runs
language plpgsql
stable
security definer
set search_path = ''
as $$
-- Security definer, as the other calls on runs: application and permission are checked first.
declare
  v_run constant stepbase.runs := stepbase_private.require_run(
    p_run_id, stepbase_private.require_permission('run:read')
  );
begin
  if p_page_size not between 1 and 1000 then
    perform stepbase_private.raise_error('invalid_request', 'page_size must be from 1 to 1000');
  end if;
  return query
  select l.*
  from (
    select distinct on (s.item_index) s.*
    from stepbase.step_runs s
    where s.run_id = v_run.id and s.step_id = p_step_id and s.item_index > greatest(p_after, 0)
    order by s.item_index, s.attempt desc
  ) l
  where p_status is null or l.status = p_status
  order by l.item_index
  limit p_page_size;
end;
$$;

comment on function stepbase_private.list_items(uuid, text, text, int, int) is 'Implements stepbase.list_items.';
grant execute on function stepbase_private.list_items(uuid, text, text, int, int) to authenticated;

create function stepbase.list_items(
  run_id uuid, step_id text, status text default null, after int default 0, page_size int default 100
)
returns setof stepbase.step_runs
language sql
stable
set search_path = ''
as $$
  select *
  from stepbase_private.list_items(
    list_items.run_id, list_items.step_id, list_items.status, list_items.after, list_items.page_size
  );
$$;

comment on function stepbase.list_items(uuid, text, text, int, int) is
  'Returns the items of a for_each in the order of the list, each as the row of its last attempt; status selects those of '
  'one status. after is the item_index of the last item of the page before (0: the first page), page_size is from 1 to '
  '1,000. Requires run:read. Errors: SB400, SB401, SB403, SB404.';
grant execute on function stepbase.list_items(uuid, text, text, int, int) to authenticated;
