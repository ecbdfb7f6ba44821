-- What waits in work queues. Pushed and popped by runs, in the order the queue says.

create table public.work_queue_items (
  id uuid primary key default engine.new_id(),
  app_code text not null references public.applications (app_code) on delete cascade,
  work_queue_id uuid not null,
  status text not null default 'queued' references public.work_item_statuses (name),
  item jsonb not null,
  item_hash text not null generated always as (md5(item::text)) stored,
  priority integer not null default 0,
  pushed_by_run_id uuid,
  taken_by_run_id uuid,
  taken_at timestamptz,
  done_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint work_queue_item_is_of_app unique (id, app_code),
  constraint item_queue_is_of_same_app
    foreign key (work_queue_id, app_code) references public.work_queues (id, app_code) on delete cascade,
  constraint item_pusher_is_of_same_app
    foreign key (pushed_by_run_id, app_code) references public.runs (id, app_code)
    on delete set null (pushed_by_run_id),
  constraint item_taker_is_of_same_app
    foreign key (taken_by_run_id, app_code) references public.runs (id, app_code) on delete set null (taken_by_run_id),
  constraint taken_at_matches_status check ((status = 'queued') = (taken_at is null)),
  constraint done_at_matches_status check ((status in ('done', 'failed')) = (done_at is not null))
);

comment on table public.work_queue_items is 'Items of work queues.';
comment on column public.work_queue_items.item_hash is 'Finds equal items when the queue deduplicates.';
comment on column public.work_queue_items.priority is 'Higher first, in queues ordered by priority.';

create index idx_work_queue_items_work_queue_id_app_code on public.work_queue_items (work_queue_id, app_code);
create index idx_work_queue_items_waiting
  on public.work_queue_items (work_queue_id, priority desc, created_at, id) where status = 'queued';
create index idx_work_queue_items_work_queue_id_item_hash
  on public.work_queue_items (work_queue_id, item_hash) where status = 'queued';
create index idx_work_queue_items_app_code_status on public.work_queue_items (app_code, status);
create index idx_work_queue_items_status on public.work_queue_items (status);
create index idx_work_queue_items_pushed_by_run_id_app_code on public.work_queue_items (pushed_by_run_id, app_code);
create index idx_work_queue_items_taken_by_run_id_app_code on public.work_queue_items (taken_by_run_id, app_code);

create trigger work_queue_items_touch_updated_at before update on public.work_queue_items
  for each row execute function private.touch_updated_at();
create trigger work_queue_items_keep_identity before update on public.work_queue_items
  for each row execute function private.refuse_column_change('id', 'app_code', 'work_queue_id', 'item', 'created_at');

alter table public.work_queue_items enable row level security;

-- Written by the engine only.
grant select on public.work_queue_items to authenticated;
grant select, insert, update, delete on public.work_queue_items to service_role;

create policy "Members read the items of their work queues" on public.work_queue_items
  for select to authenticated
  using (app_code = (select private.app_code()) and (select private.has_permission('queue:read')));

create function engine.push_work_item(
  p_work_queue_id uuid,
  p_item jsonb,
  p_priority int default 0,
  p_run_id uuid default null
)
returns uuid
language plpgsql
set search_path = ''
as $$
declare
  v_queue public.work_queues;
  v_errors jsonb;
  v_id uuid;
begin
  -- The lock of the queue's row makes the size and duplicate checks hold.
  select q.* into v_queue from public.work_queues q where q.id = p_work_queue_id for no key update;
  if not found then
    perform private.fail('SB404', 'not_found', 'There is no such work queue');
  end if;
  v_errors := private.json_schema_errors(v_queue.work_item_schema, p_item);
  if v_errors <> '[]' then
    perform private.fail(
      'SB422', 'invalid_input', format('The item does not fit the schema of %s', v_queue.queue_name),
      jsonb_build_object('errors', v_errors)
    );
  end if;
  if v_queue.deduplicate then
    select i.id into v_id
    from public.work_queue_items i
    where i.work_queue_id = v_queue.id and i.status = 'queued' and i.item_hash = md5(p_item::text) and i.item = p_item
    limit 1;
    if found then
      return v_id;
    end if;
  end if;
  if v_queue.max_size is not null
    and v_queue.max_size <= (
      select count(*) from public.work_queue_items i where i.work_queue_id = v_queue.id and i.status = 'queued'
    )
  then
    perform private.fail(
      'SB429', 'limit_reached', format('%s already holds %s items', v_queue.queue_name, v_queue.max_size)
    );
  end if;
  insert into public.work_queue_items (app_code, work_queue_id, item, priority, pushed_by_run_id)
  values (v_queue.app_code, v_queue.id, p_item, p_priority, p_run_id)
  returning id into v_id;
  return v_id;
end;
$$;

comment on function engine.push_work_item(uuid, jsonb, int, uuid) is
  'Adds an item and returns its id; the id of the equal waiting one in a queue that deduplicates. '
  'SB422 when it breaks the schema, SB429 when the queue is full.';

create function engine.pop_work_item(p_work_queue_id uuid, p_run_id uuid default null)
returns public.work_queue_items
language sql
set search_path = ''
as $$
  update public.work_queue_items i
  set status = 'taken', taken_at = engine.now(), taken_by_run_id = p_run_id
  where i.id = (
    select c.id
    from public.work_queue_items c
    join public.work_queues q on q.id = c.work_queue_id
    where c.work_queue_id = p_work_queue_id and c.status = 'queued'
    order by
      case q.ordering when 'priority' then -c.priority end,
      case q.ordering when 'lifo' then -extract(epoch from c.created_at) else extract(epoch from c.created_at) end,
      case q.ordering when 'lifo' then null else c.id end,
      c.id desc
    limit 1
    for update of c skip locked
  )
  returning i.*
$$;

comment on function engine.pop_work_item(uuid, uuid) is
  'Takes the next item in the order of the queue, or a row of nulls when none waits; two takers never get the same.';

create function engine.finish_work_item(p_item_id uuid, p_success boolean default true)
returns void
language sql
set search_path = ''
as $$
  update public.work_queue_items i
  set status = case when p_success then 'done' else 'failed' end, done_at = engine.now()
  where i.id = p_item_id and i.status = 'taken'
$$;

comment on function engine.finish_work_item(uuid, boolean) is 'Marks a taken item as worked off or given up.';
