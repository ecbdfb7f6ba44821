-- The flow backlog: runs that wait for a concurrency key or a throttle of their workflow. The runs of a key form a
-- line. A line costs nothing while it waits: only an event that can move it (a start, a freed slot, a time) asks
-- stepbase_engine.admit to look at it. So neither many runs of a key nor many keys delay the others.

create table stepbase_engine.flow_backlog (
  run_id uuid primary key,
  app_code text not null,
  workflow_id uuid not null,
  kind text not null,
  key_id uuid not null,
  priority smallint not null,
  arrival bigint generated always as identity
);

comment on table stepbase_engine.flow_backlog is
  'Pending runs that a flow control holds back; stepbase_engine.admit_flow passes them on to the next control, and to the '
  'queue or the run backlog after the last one.';
comment on column stepbase_engine.flow_backlog.kind is 'The kind of flow control that holds the run: concurrency or throttle.';
comment on column stepbase_engine.flow_backlog.key_id is 'The key of the run under this control: stepbase_engine.flow_key.';
comment on column stepbase_engine.flow_backlog.arrival is 'Orders runs of the same priority.';

create index idx_flow_backlog_line
on stepbase_engine.flow_backlog (workflow_id, kind, key_id, priority desc, arrival);
create index idx_flow_backlog_app_code on stepbase_engine.flow_backlog (app_code);

create table stepbase_engine.flow_checks (
  id bigint generated always as identity primary key,
  app_code text not null,
  workflow_id uuid not null,
  kind text not null,
  key_id uuid not null
);

comment on table stepbase_engine.flow_checks is
  'Lines of the flow backlog that stepbase_engine.admit_flow has to look at, because a run joined them or a slot became '
  'free. A transaction that changes a line adds a row, without a lock.';
create index idx_flow_checks_app_code on stepbase_engine.flow_checks (app_code, id);

create table stepbase_engine.flow_changes (
  workflow_id uuid not null,
  kind text not null,
  app_code text not null,
  stage text not null constraint stage_is_known check (stage in ('pending', 'running', 'paused', 'lines')),
  after_at timestamptz not null default '-infinity',
  after_id uuid not null default '00000000-0000-0000-0000-000000000000',
  worked_at timestamptz not null default '-infinity',
  primary key (workflow_id, kind)
);

comment on table stepbase_engine.flow_changes is
  'Flow controls that were changed and do not apply to every open run of their workflow yet. stepbase_engine.admit applies '
  'them in slices, so that a workflow with many open runs delays no other.';
comment on column stepbase_engine.flow_changes.stage is
  'The status of the open runs that come next; then lines: admit_flow has to look at the lines. Until then they wait.';
comment on column stepbase_engine.flow_changes.after_at is 'The slices have passed the runs of the stage up to this time of creation.';
comment on column stepbase_engine.flow_changes.after_id is 'The last run at after_at; in the stage lines the last key.';
comment on column stepbase_engine.flow_changes.worked_at is 'When a slice was applied last: applications take turns.';

create table stepbase_engine.repair_places (
  task text primary key,
  app_code text not null default '',
  stage text not null default '',
  after_at timestamptz not null default '-infinity',
  after_id uuid not null default '00000000-0000-0000-0000-000000000000',
  after_place int not null default 0
);

comment on table stepbase_engine.repair_places is
  'How far the pages of stepbase_engine.reconcile_flow have come: each call looks at the next rows, and begins again after the '
  'last one.';
comment on column stepbase_engine.repair_places.task is 'What is repaired: backlog, lines, holds, batches or runs.';
comment on column stepbase_engine.repair_places.app_code is 'Of runs: the application under way.';
comment on column stepbase_engine.repair_places.stage is 'Of runs: the status under way; empty: the next application. Of lines: the kind of the last control.';
comment on column stepbase_engine.repair_places.after_at is 'Of runs: when the last run was created.';
comment on column stepbase_engine.repair_places.after_id is 'The id or key of the last row.';
comment on column stepbase_engine.repair_places.after_place is 'Of batches: the place of the last item.';

insert into stepbase_engine.repair_places (task) values ('backlog'), ('lines'), ('holds'), ('batches'), ('runs');

create table stepbase_engine.flow_rates (
  key_id uuid primary key,
  app_code text not null,
  workflow_id uuid not null,
  kind text not null,
  next_at timestamptz not null,
  due_at timestamptz,
  last_run_id uuid,
  passed_at timestamptz
);

comment on table stepbase_engine.flow_rates is
  'The state of a rate by key: the generic cell rate algorithm needs one time. A row whose next_at is past means the same '
  'as no row; stepbase_engine.reconcile_flow deletes it.';
comment on column stepbase_engine.flow_rates.next_at is
  'When the next start would be exactly on time. The burst allows earlier starts.';
comment on column stepbase_engine.flow_rates.due_at is
  'When admit_flow has to look at the line of this key again; null: no run waits in it.';
comment on column stepbase_engine.flow_rates.last_run_id is
  'The last run that passed a throttle; null after stepbase_engine.return_starts took its start back.';
comment on column stepbase_engine.flow_rates.passed_at is 'When last_run_id passed.';
create index idx_flow_rates_due_at on stepbase_engine.flow_rates (due_at) where due_at is not null;
create index idx_flow_rates_next_at on stepbase_engine.flow_rates (next_at);

create table stepbase_engine.flow_holds (
  key_id uuid primary key,
  app_code text not null,
  workflow_id uuid not null,
  run_id uuid,
  opened_at timestamptz not null default stepbase_engine.now(),
  items int not null default 0,
  bytes bigint not null default 0
);

comment on table stepbase_engine.flow_holds is
  'The held run that further starts of a key join (debounce, batch). A start locks the row, so that the starts of a key '
  'follow one another.';
comment on column stepbase_engine.flow_holds.run_id is 'The run; once it is not held any more, the next start writes another.';
comment on column stepbase_engine.flow_holds.opened_at is 'When the first start wrote the run.';
comment on column stepbase_engine.flow_holds.items is 'How many starts of a batch have joined.';
comment on column stepbase_engine.flow_holds.bytes is 'The size of their inputs.';
create index idx_flow_holds_opened_at on stepbase_engine.flow_holds (opened_at);

create table stepbase_engine.flow_starts (
  app_code text not null,
  idempotency_key text not null,
  run_id uuid not null,
  primary key (app_code, idempotency_key),
  constraint flow_starts_run_fkey foreign key (run_id, app_code)
    references stepbase.runs (id, app_code) on delete cascade
);

comment on table stepbase_engine.flow_starts is
  'Idempotency keys of starts that joined a held run, for as long as the run exists: a repeated start joins no second time.';
create index idx_flow_starts_run_id_app_code on stepbase_engine.flow_starts (run_id, app_code);

create table stepbase_engine.batch_items (
  run_id uuid not null,
  place int not null,
  item jsonb not null,
  primary key (run_id, place)
);

comment on table stepbase_engine.batch_items is
  'The inputs of the second and later starts of a held batch. When the run is released they are appended to input.items.';

alter table stepbase_engine.repair_places enable row level security;
alter table stepbase_engine.flow_holds enable row level security;
alter table stepbase_engine.flow_starts enable row level security;
alter table stepbase_engine.batch_items enable row level security;
alter table stepbase_engine.flow_backlog enable row level security;
alter table stepbase_engine.flow_checks enable row level security;
alter table stepbase_engine.flow_changes enable row level security;
alter table stepbase_engine.flow_rates enable row level security;

create function stepbase_engine.flow_key(p_control stepbase.workflow_flow_controls, p_input jsonb)
returns uuid
language sql
immutable
set search_path = ''
as $$
  select md5(
    jsonb_build_array(
      p_control.workflow_id, p_control.kind,
      case when p_control.key_path is not null
        then coalesce(jsonb_path_query_first(p_input, p_control.key_path::jsonpath, '{}', true) #>> '{}', '') end
    )::text
  )::uuid;
$$;

comment on function stepbase_engine.flow_key(stepbase.workflow_flow_controls, jsonb) is
  'The key of an input under a flow control, as an id: of the workflow, the kind and the value as text, so that 7 and "7" '
  'are the same key. A missing value and null are the empty key.';

create function stepbase_engine.max_batch_bytes()
returns int
language sql
immutable
set search_path = ''
as 'select 4194304';

comment on function stepbase_engine.max_batch_bytes() is
  'The size of the inputs at which a batch is released before it is full.';

create function stepbase_engine.gather_batch(p_run stepbase.runs)
returns jsonb
language plpgsql
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_items jsonb;
begin
  with gone as (
    delete from stepbase_engine.batch_items i where i.run_id = p_run.id returning i.place, i.item
  )
  select jsonb_agg(g.item order by g.place) into v_items from gone g;
  if v_items is null then
    return p_run.input;
  end if;
  p_run.input := jsonb_set(p_run.input, '{items}', (p_run.input -> 'items') || v_items);
  update stepbase.runs r set input = p_run.input where r.id = p_run.id;
  return p_run.input;
end;
$$;

comment on function stepbase_engine.gather_batch(stepbase.runs) is
  'The input of a run that is released: if it is a batch, with its items. The caller has locked the run.';

create function stepbase_engine.hold_in_flow(p_run stepbase.runs, p_passed text, p_may_refuse boolean)
returns boolean
language plpgsql
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_control stepbase.workflow_flow_controls;
  v_key_id uuid;
  v_line_is_empty boolean;
begin
  for v_control in
    select c.* from stepbase.workflow_flow_controls c
    where c.workflow_id = p_run.workflow_id
      and c.kind in ('concurrency', 'throttle')
      and c.kind > coalesce(p_passed, '')
    order by c.kind
  loop
    v_key_id := stepbase_engine.flow_key(v_control, p_run.input);
    -- A child shares the slot of an ancestor with the same key, as it shares the slots of the other limits.
    continue when v_control.kind = 'concurrency' and (
      exists (select 1 from stepbase_engine.run_slots s where s.run_id = p_run.id and s.limit_id = v_key_id)
      or v_key_id in (select s.id from stepbase_engine.slots_of_ancestors(p_run.parent_run_id) s (id))
    );
    if p_may_refuse then
      perform stepbase_engine.check_waiting_runs(p_run.app_code);
    end if;
    v_line_is_empty := not exists (
      select 1 from stepbase_engine.flow_backlog b
      where b.workflow_id = v_control.workflow_id and b.kind = v_control.kind and b.key_id = v_key_id
    );
    insert into stepbase_engine.flow_backlog (run_id, app_code, workflow_id, kind, key_id, priority)
    values (p_run.id, p_run.app_code, p_run.workflow_id, v_control.kind, v_key_id, p_run.priority)
    on conflict (run_id) do nothing;
    insert into stepbase_engine.flow_checks (app_code, workflow_id, kind, key_id)
    values (p_run.app_code, p_run.workflow_id, v_control.kind, v_key_id);
    update stepbase.runs r set is_limited = true where r.id = p_run.id and not r.is_limited;
    -- Only for the first of a line: a worker examines the others when a slot is free or a time has come.
    if v_line_is_empty then
      perform pg_notify('stepbase', 'admit');
    end if;
    return true;
  end loop;
  return false;
end;
$$;

comment on function stepbase_engine.hold_in_flow(stepbase.runs, text, boolean) is
  'Puts a pending run into the line of the first flow control of its workflow that it has not passed, concurrency before '
  'throttle; returns false if there is none. p_passed: the kind that the run has passed. With p_may_refuse it raises SB429 '
  'when the application has max_waiting_runs.';
