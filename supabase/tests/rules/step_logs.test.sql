-- Log lines of attempts: who may write them, their order and their bounds.

begin;
set local search_path = public, extensions;
select plan(23);
select tests.create_rows();
update stepbase.runs r set status = 'running', started_at = now(), open_steps = 1 where r.id = tests.sample_id('run');
insert into stepbase_queue.job (id, name, state) values ('00000000-0000-4000-8000-00000000a001', 'steps', 'active');
update stepbase.step_runs s
set status = 'running', fence = 2, job_id = '00000000-0000-4000-8000-00000000a001'
where s.id = tests.sample_id('step_run');

create function pg_temp.append(
  p_entries jsonb default '[{"level": "info", "message": "m"}]', p_attempt int default 1, p_change text default 'select 1'
)
returns text
language plpgsql
as $$
declare
  v_lines text;
begin
  execute p_change;
  v_lines := stepbase_engine.append_step_logs(tests.sample_id('step_run'), p_attempt, p_entries)::text;
  -- A change is undone by the error of a refused call only.
  if p_change <> 'select 1' then
    raise exception using errcode = 'ZZ000', message = v_lines;
  end if;
  return v_lines;
exception
  when sqlstate 'ZZ000' then return sqlerrm;
  when others then return sqlstate;
end;
$$;
create function pg_temp.write(p_fence int, p_lines int, p_message text default 'm')
returns int
language sql
as $$
  select stepbase_engine.write_step_logs(
    array[tests.sample_id('step_run')], array[p_fence],
    array[(select coalesce(jsonb_agg(jsonb_build_object('level', 'info', 'message', p_message)), '[]') from generate_series(1, p_lines))]
  );
$$;

-- Who may write.
select is(pg_temp.append(p_attempt => 2), 'SB409', 'another attempt than the one that runs writes no line');
select is(
  pg_temp.append(p_change => $$update stepbase_queue.job set state = 'retry' where id = '00000000-0000-4000-8000-00000000a001'$$),
  'SB409', 'nor does one whose lease has expired'
);
select is(
  pg_temp.append(p_change => $$update stepbase.step_runs set status = 'cancelled', completed_at = now()
    where id = tests.sample_id('step_run')$$), 'SB409', 'nor does one that has ended'
);
select is(
  pg_temp.append(p_change => $$update stepbase.step_runs set status = 'waiting', wait_kind = 'signal', job_id = null
    where id = tests.sample_id('step_run')$$), '1', 'one that waits does'
);
select is(pg_temp.append(e.entries), 'SB400', format('%s is refused', e.entries))
from (
  values ('{}'::jsonb), ('[]'), ('[1]'), ('[{"level": "info"}]'), ('[{"level": "loud", "message": "m"}]'),
    ('[{"level": "info", "message": "m", "data": [1]}]'), ('[{"level": "info", "message": "m", "at": "tomorrow"}]')
) e (entries);
select is_empty('select 1 from stepbase.step_logs', 'a refused call leaves no line');

-- Order, cuts and times.
select is(
  pg_temp.append(jsonb_build_array(
    jsonb_build_object('level', 'warn', 'message', repeat('é', 5000), 'data', '{"n": 1}'::jsonb, 'at', '2020-01-02T03:04:05Z'),
    jsonb_build_object('level', 'info', 'message', 'b', 'data', jsonb_build_object('text', repeat('x', 9000)), 'at', '2999-01-01T00:00:00Z')
  )), '2', 'an attempt that runs under its lease writes lines'
);
select results_eq(
  $$select seq, step_run_id, step_id, item_index, attempt, level, length(message), data,
      logged_at <= stepbase_engine.now(), logged_at = '2020-01-02 03:04:05Z' from stepbase.step_logs order by seq$$,
  $$select v.seq, s.id, s.step_id, s.item_index, s.attempt, v.level, v.length, v.data, true, v.is_given
    from stepbase.step_runs s, (values
      (1::bigint, 'warn', 4000, '{"n": 1}'::jsonb, true),
      (2, 'info', 1, '{"too_large": true}', false)
    ) v (seq, level, length, data, is_given) where s.id = tests.sample_id('step_run')$$,
  'the lines have their order and attempt; a long message is cut, large data is dropped, no time is in the future'
);

-- The worker.
select is(pg_temp.write(1, 1), 0, 'lines of an attempt that was claimed again are dropped');
select is(pg_temp.write(2, 0), 0, 'no line is no row');
update stepbase.step_runs set status = 'cancelled', completed_at = now() where id = tests.sample_id('step_run');
select is(pg_temp.write(2, 2), 2, 'a worker writes the lines of an attempt after its result');

-- Bounds.
select is(pg_temp.write(2, 994), 994, 'an attempt writes many lines');
select is(pg_temp.write(2, 5), 2, 'up to 999, and a last one');
select is(pg_temp.write(2, 5), 0, 'later ones are dropped');
select results_eq(
  'select count(*), max(seq), count(*) filter (where is_truncated), max(seq) filter (where is_truncated) from stepbase.step_logs',
  'values (1000::bigint, 1000::bigint, 1::bigint, 1000::bigint)', 'the last line tells that there were more; the seqs have no gap'
);
insert into stepbase.step_runs (
  id, run_id, app_code, workflow_version_id, step_id, step_type, attempt, status, fence, error, completed_at
)
select
  '00000000-0000-4000-8000-00000000d098', s.run_id, s.app_code, s.workflow_version_id, s.step_id, s.step_type, 7, 'failed',
  1, '{"code": "x"}', now()
from stepbase.step_runs s where s.id = tests.sample_id('step_run');
select is(
  stepbase_engine.write_step_logs(
    array['00000000-0000-4000-8000-00000000d098'::uuid], array[1],
    array[(select jsonb_agg(jsonb_build_object('level', 'info', 'message', repeat('x', 4000))) from generate_series(1, 100))]
  ), 66, 'another attempt has bounds of its own: 256 KB and a last line'
);

-- The end of the run.
delete from stepbase.runs where id = tests.sample_id('run');
select is_empty('select 1 from stepbase.step_logs', 'lines are deleted with their run');

select * from finish();
rollback;
