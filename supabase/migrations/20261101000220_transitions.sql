-- The state machine as data: the legal changes of status of runs and step runs. A trigger on both tables refuses
-- every other change, for every role.

create table stepbase_engine.transitions (
  entity text not null,
  from_status text not null,
  to_status text not null,
  reason text not null,
  primary key (entity, from_status, to_status),
  constraint entity_is_run_or_step check (entity in ('run', 'step'))
);

comment on table stepbase_engine.transitions is
  'Every legal change of status of a run or a step run. A change that is not listed raises SB409.';
comment on column stepbase_engine.transitions.reason is 'What causes this change.';
alter table stepbase_engine.transitions enable row level security;

insert into stepbase_engine.transitions (entity, from_status, to_status, reason) values
('run', 'pending', 'running', 'a worker claimed the run'),
('run', 'pending', 'completed', 'a worker completed all steps in the transaction that started the run'),
('run', 'pending', 'paused', 'a member paused it before it started'),
('run', 'pending', 'cancelled', 'it was cancelled before it started'),
('run', 'pending', 'failed', 'it could not be started'),
('run', 'running', 'paused', 'a member paused it'),
('run', 'running', 'completed', 'its last open step was resolved'),
('run', 'running', 'failed', 'a step failed and nothing handled the error'),
('run', 'running', 'cancelled', 'a member or its parent run cancelled it'),
('run', 'running', 'timed_out', 'it exceeded its time limit'),
('run', 'paused', 'running', 'a member resumed it'),
('run', 'paused', 'pending', 'a member resumed it before it had started'),
('run', 'paused', 'completed', 'its last step in flight was resolved'),
('run', 'paused', 'failed', 'a step in flight failed and nothing handled the error'),
('run', 'paused', 'cancelled', 'a member or its parent run cancelled it'),
('run', 'paused', 'timed_out', 'it exceeded its time limit'),
('step', 'pending', 'ready', 'all incoming edges are resolved and one was taken; with join any: the first was taken'),
('step', 'pending', 'running', 'as for ready, and the token of its predecessor carries it'),
('step', 'pending', 'skipped', 'all incoming edges are resolved and none was taken'),
('step', 'pending', 'cancelled', 'the run, or its for_each, ended first'),
('step', 'ready', 'running', 'a worker claimed it'),
('step', 'ready', 'cancelled', 'the run, or its for_each, ended first'),
('step', 'running', 'ready', 'its worker handed it back'),
('step', 'running', 'waiting', 'it waits for a person, a time, a retry, a signal, a child run, items, a work queue, a callback or the tools of an agent'),
('step', 'running', 'completed', 'its handler returned'),
('step', 'running', 'failed', 'its handler failed, or the attempt exceeded its time limit'),
('step', 'running', 'cancelled', 'the run, or its for_each, ended first'),
('step', 'waiting', 'ready', 'the wait is over, and a worker must execute it'),
('step', 'waiting', 'completed', 'the wait is over, and its result is the output'),
('step', 'waiting', 'failed', 'the wait exceeded its deadline, or its child run or an item failed'),
('step', 'waiting', 'cancelled', 'the run, or its for_each, ended first');

create function stepbase_engine.check_transition()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if not exists (
    select 1
    from stepbase_engine.transitions t
    where t.entity = tg_argv[0] and t.from_status = old.status and t.to_status = new.status
  ) then
    perform stepbase_private.raise_error(
      'conflict',
      format('The status of a %s cannot change from %s to %s', tg_argv[0], old.status, new.status),
      jsonb_build_object('from', old.status, 'to', new.status)
    );
  end if;
  return new;
end;
$$;

comment on function stepbase_engine.check_transition() is
  'Trigger: raises SB409 for a change of status that stepbase_engine.transitions does not list.';
