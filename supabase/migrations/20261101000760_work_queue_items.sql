-- Items of work queues. Runs push and pop them, in the order of the queue (*_push_and_pop.sql).

create table stepbase.work_queue_items (
  id uuid primary key default stepbase_engine.new_id(),
  app_code text not null,
  work_queue_id uuid not null,
  status text not null default 'queued' references stepbase.work_item_statuses (name),
  item jsonb not null,
  item_hash text not null generated always as (md5(item::text)) stored,
  priority int not null default 0,
  pushed_by_run_id uuid,
  push_key text,
  taken_by_run_id uuid,
  taken_key text,
  taken_at timestamptz,
  done_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint work_queue_item_is_of_app unique (id, app_code),
  -- No foreign key from app_code to applications: the queue of the item has one with the same app_code.
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
comment on column stepbase.work_queue_items.push_key is 'run:step:item of the step that pushed it, the same for all attempts.';
comment on column stepbase.work_queue_items.taken_key is 'run:step:item of the step that took it, the same for all attempts.';
comment on column stepbase.work_queue_items.priority is 'Higher is popped first, in queues ordered by priority.';

create index idx_work_queue_items_work_queue_id_app_code on stepbase.work_queue_items (work_queue_id, app_code);
create index idx_work_queue_items_waiting
  on stepbase.work_queue_items (work_queue_id, priority desc, created_at, id) where status = 'queued';
-- The items of a status by their age, and how many there are.
create index idx_work_queue_items_work_queue_id_status
  on stepbase.work_queue_items (work_queue_id, status, created_at, id);
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
