-- What waits in work queues. Pushed and popped by runs, in the order the queue says.

create table stepbase.work_queue_items (
  id uuid primary key default stepbase_engine.new_id(),
  app_code text not null references stepbase.applications (app_code) on delete cascade,
  work_queue_id uuid not null,
  status text not null default 'queued' references stepbase.work_item_statuses (name),
  item jsonb not null,
  item_hash text not null generated always as (md5(item::text)) stored,
  priority integer not null default 0,
  pushed_by_run_id uuid,
  push_key text,
  taken_by_run_id uuid,
  taken_key text,
  taken_at timestamptz,
  done_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint work_queue_item_is_of_app unique (id, app_code),
  constraint item_queue_is_of_same_app
    foreign key (work_queue_id, app_code) references stepbase.work_queues (id, app_code) on delete cascade,
  constraint item_pusher_is_of_same_app
    foreign key (pushed_by_run_id, app_code) references stepbase.runs (id, app_code)
    on delete set null (pushed_by_run_id),
  constraint item_taker_is_of_same_app
    foreign key (taken_by_run_id, app_code) references stepbase.runs (id, app_code)
    on delete set null (taken_by_run_id),
  constraint taken_at_matches_status check ((status = 'queued') = (taken_at is null)),
  constraint done_at_matches_status check ((status in ('done', 'failed')) = (done_at is not null))
);

comment on table stepbase.work_queue_items is 'Items of work queues.';
comment on column stepbase.work_queue_items.item_hash is 'Finds equal items when the queue deduplicates.';
comment on column stepbase.work_queue_items.push_key is 'run:step:item of the step that pushed it, whatever the attempt.';
comment on column stepbase.work_queue_items.taken_key is 'run:step:item of the step that took it, whatever the attempt.';
comment on column stepbase.work_queue_items.priority is 'Higher first, in queues ordered by priority.';

create index idx_work_queue_items_work_queue_id_app_code on stepbase.work_queue_items (work_queue_id, app_code);
create index idx_work_queue_items_waiting
  on stepbase.work_queue_items (work_queue_id, priority desc, created_at, id) where status = 'queued';
create index idx_work_queue_items_waiting_by_age
  on stepbase.work_queue_items (work_queue_id, created_at, id) where status = 'queued';
create index idx_work_queue_items_work_queue_id_item_hash
  on stepbase.work_queue_items (work_queue_id, item_hash) where status = 'queued';
create index idx_work_queue_items_app_code_status on stepbase.work_queue_items (app_code, status);
create index idx_work_queue_items_status on stepbase.work_queue_items (status);
create index idx_work_queue_items_pushed_by_run_id_app_code on stepbase.work_queue_items (pushed_by_run_id, app_code);
create index idx_work_queue_items_taken_by_run_id_app_code on stepbase.work_queue_items (taken_by_run_id, app_code);
create unique index idx_work_queue_items_push_key
  on stepbase.work_queue_items (work_queue_id, push_key) where push_key is not null;
create unique index idx_work_queue_items_taken_key
  on stepbase.work_queue_items (work_queue_id, taken_key) where taken_key is not null;

create trigger work_queue_items_touch_updated_at before update on stepbase.work_queue_items
  for each row execute function stepbase_private.touch_updated_at();
create trigger work_queue_items_keep_identity before update on stepbase.work_queue_items
  for each row execute function stepbase_private.refuse_column_change('id', 'app_code', 'work_queue_id', 'item', 'created_at');

alter table stepbase.work_queue_items enable row level security;

-- Written by the engine only.
grant select on stepbase.work_queue_items to authenticated;
grant select, insert, update, delete on stepbase.work_queue_items to service_role;

create policy "Members read the items of their work queues" on stepbase.work_queue_items
  for select to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('queue:read')));

create function stepbase_engine.push_work_item(
  p_work_queue_id uuid,
  p_item jsonb,
  p_priority int default 0,
  p_run_id uuid default null,
  p_push_key text default null
)
returns uuid
language plpgsql
set search_path = ''
as $$
declare
  v_queue stepbase.work_queues;
  v_errors jsonb;
  v_id uuid;
begin
  -- The lock of the queue's row makes the size and duplicate checks hold.
  select q.* into v_queue from stepbase.work_queues q where q.id = p_work_queue_id for no key update;
  if not found then
    perform stepbase_private.raise_error('not_found', 'There is no such work queue');
  end if;
  if p_push_key is not null then
    select i.id into v_id
    from stepbase.work_queue_items i
    where i.work_queue_id = v_queue.id and i.push_key = p_push_key;
    if found then
      return v_id;
    end if;
  end if;
  v_errors := stepbase_private.json_schema_errors(v_queue.work_item_schema, p_item);
  if v_errors <> '[]' then
    perform stepbase_private.raise_error(
      'invalid_input', format('The item does not fit the schema of %s', v_queue.queue_name),
      jsonb_build_object('errors', v_errors)
    );
  end if;
  if v_queue.deduplicate then
    select i.id into v_id
    from stepbase.work_queue_items i
    where i.work_queue_id = v_queue.id and i.status = 'queued' and i.item_hash = md5(p_item::text) and i.item = p_item
    limit 1;
    if found then
      return v_id;
    end if;
  end if;
  if v_queue.max_size is not null
    and v_queue.max_size <= (
      select count(*) from stepbase.work_queue_items i where i.work_queue_id = v_queue.id and i.status = 'queued'
    )
  then
    perform stepbase_private.raise_error(
      'limit_reached', format('%s already holds %s items', v_queue.queue_name, v_queue.max_size)
    );
  end if;
  insert into stepbase.work_queue_items (app_code, work_queue_id, item, priority, pushed_by_run_id, push_key)
  values (v_queue.app_code, v_queue.id, p_item, p_priority, p_run_id, p_push_key)
  returning id into v_id;
  if exists (
    select 1 from stepbase.step_runs s
    where s.work_queue_id = v_queue.id and s.status = 'waiting' and s.wait_kind = 'queue'
  ) then
    perform stepbase_engine.notify_work_queue(v_queue.app_code, v_queue.id);
  end if;
  return v_id;
end;
$$;

comment on function stepbase_engine.push_work_item(uuid, jsonb, int, uuid, text) is
  'Adds an item and returns its id: that of the item pushed with the same key before, or of the equal waiting one in a '
  'queue that deduplicates. Steps that wait for an item get it by the relay. '
  'SB422 when it breaks the schema, SB429 when the queue is full.';

create function stepbase_engine.pop_work_item(
  p_work_queue_id uuid, p_run_id uuid default null, p_taken_key text default null
)
returns stepbase.work_queue_items
language plpgsql
set search_path = ''
as $$
declare
  v_id uuid;
  v_item stepbase.work_queue_items;
  v_ordering text;
begin
  select q.ordering into v_ordering from stepbase.work_queues q where q.id = p_work_queue_id;
  -- A statement for each order, so that each reads the one row it takes from an index.
  if v_ordering = 'priority' then
    select i.id into v_id from stepbase.work_queue_items i
    where i.work_queue_id = p_work_queue_id and i.status = 'queued'
    order by i.priority desc, i.created_at, i.id
    limit 1 for update skip locked;
  elsif v_ordering = 'lifo' then
    select i.id into v_id from stepbase.work_queue_items i
    where i.work_queue_id = p_work_queue_id and i.status = 'queued'
    order by i.created_at desc, i.id desc
    limit 1 for update skip locked;
  else
    select i.id into v_id from stepbase.work_queue_items i
    where i.work_queue_id = p_work_queue_id and i.status = 'queued'
    order by i.created_at, i.id
    limit 1 for update skip locked;
  end if;
  update stepbase.work_queue_items i
  set
    status = 'taken', taken_at = stepbase_engine.now(), taken_by_run_id = p_run_id, taken_key = p_taken_key
  where i.id = v_id
  returning i.* into v_item;
  return v_item;
end;
$$;

comment on function stepbase_engine.pop_work_item(uuid, uuid, text) is
  'Takes the next item in the order of the queue, or a row of nulls when none waits; two takers never get the same.';

create function stepbase_engine.finish_work_item(p_item_id uuid, p_success boolean default true)
returns void
language sql
set search_path = ''
as $$
  update stepbase.work_queue_items i
  set status = case when p_success then 'done' else 'failed' end, done_at = stepbase_engine.now()
  where i.id = p_item_id and i.status = 'taken'
$$;

comment on function stepbase_engine.finish_work_item(uuid, boolean) is 'Marks a taken item as worked off or given up.';
