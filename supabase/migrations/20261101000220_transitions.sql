-- The state machine as data: which status may follow which, for runs and for step runs.
-- A trigger on both tables refuses every other change, whoever makes it.

create table stepbase_engine.transitions (
  entity text not null,
  from_status text not null,
  to_status text not null,
  reason text not null,
  primary key (entity, from_status, to_status),
  constraint entity_is_run_or_step check (entity in ('run', 'step'))
);

comment on table stepbase_engine.transitions is
'Every legal change of status of a run or a step run; anything not listed is refused with SB409.';
comment on column stepbase_engine.transitions.reason is 'What makes this change happen.';
alter table stepbase_engine.transitions enable row level security;

insert into stepbase_engine.transitions (entity, from_status, to_status, reason) values
('run', 'pending', 'running', 'a worker took the run'),
('run', 'pending', 'completed', 'a worker took it and all of its steps at once'),
('run', 'pending', 'paused', 'paused before it started'),
('run', 'pending', 'cancelled', 'cancelled before it started'),
('run', 'pending', 'failed', 'it could not be started'),
('run', 'running', 'paused', 'paused by a member'),
('run', 'running', 'completed', 'its last step was resolved'),
('run', 'running', 'failed', 'a step failed for good'),
('run', 'running', 'cancelled', 'cancelled by a member or its parent'),
('run', 'running', 'timed_out', 'its deadline passed'),
('run', 'paused', 'running', 'resumed by a member'),
('run', 'paused', 'pending', 'resumed before it had started'),
('run', 'paused', 'completed', 'its last step in flight was resolved'),
('run', 'paused', 'failed', 'a step in flight failed for good'),
('run', 'paused', 'cancelled', 'cancelled by a member or its parent'),
('run', 'paused', 'timed_out', 'its deadline passed'),
('step', 'pending', 'ready', 'all it waited for is resolved'),
('step', 'pending', 'running', 'all it waited for is resolved, and the token goes on with it'),
('step', 'pending', 'skipped', 'no edge to it was taken'),
('step', 'pending', 'cancelled', 'the run ended first'),
('step', 'ready', 'running', 'a worker took it'),
('step', 'ready', 'cancelled', 'the run ended first'),
('step', 'running', 'ready', 'the worker handed it back'),
('step', 'running', 'waiting', 'it waits for time, a person, a signal or another run'),
('step', 'running', 'completed', 'its handler returned'),
('step', 'running', 'failed', 'its handler failed, or its time was up'),
('step', 'running', 'cancelled', 'the run ended first'),
('step', 'waiting', 'ready', 'what it waited for came, and it goes on'),
('step', 'waiting', 'completed', 'what it waited for came, and it is done'),
('step', 'waiting', 'failed', 'it waited too long'),
('step', 'waiting', 'cancelled', 'the run ended first');

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
      format('a %s cannot go from %s to %s', tg_argv[0], old.status, new.status),
      jsonb_build_object('from', old.status, 'to', new.status)
    );
  end if;
  return new;
end;
$$;

comment on function stepbase_engine.check_transition() is
'Trigger: refuses a change of status that stepbase_engine.transitions does not list (SB409).';
