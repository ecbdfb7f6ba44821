-- The texts of models for watchers: messages of the attempt that writes them, which no table keeps.

begin;
set local search_path = public, extensions;
select plan(6);
select tests.create_rows();
update stepbase.step_runs s set status = 'running', fence = 3, attempt = 2, job_id = gen_random_uuid()
where s.id = tests.sample_id('step_run');

create temporary table told (topic text, event text, payload jsonb, private boolean);
create function pg_temp.tell()
returns trigger
language plpgsql
as $$
begin
  insert into told values (new.topic, new.event, new.payload, new.private);
  return new;
end;
$$;
do $$
begin
  -- Realtime makes the partition of a day when a client joins.
  perform realtime.maintain_messages();
  execute 'create trigger tell before insert on realtime.messages for each row execute function pg_temp.tell()';
end;
$$;

select lives_ok(
  format(
    'select stepbase_engine.send_step_texts(%L)',
    jsonb_build_array(
      jsonb_build_object(
        'step_run_id', tests.sample_id('step_run'), 'fence', 3, 'call', 0, 'seq', 1, 'offset', 0, 'text', 'Hel',
        'done', false, 'truncated', false
      ),
      jsonb_build_object(
        'step_run_id', tests.sample_id('step_run'), 'fence', 3, 'call', 1, 'seq', 2, 'offset', 3, 'text', 'lo',
        'done', true, 'truncated', true
      ),
      jsonb_build_object(
        'step_run_id', tests.sample_id('step_run'), 'fence', 2, 'call', 0, 'seq', 9, 'offset', 0, 'text', 'late',
        'done', false, 'truncated', false
      )
    )
  ),
  'a worker sends pieces'
);
select is(
  (
    select jsonb_agg(t.payload - 'run_id' - 'step_id' - 'item_index' order by t.payload ->> 'seq') from told t
  ),
  '[{"attempt": 2, "call": 0, "seq": 1, "offset": 0, "text": "Hel", "done": false},
    {"attempt": 2, "call": 1, "seq": 2, "offset": 3, "text": "lo", "done": true, "truncated": true}]',
  'those of the attempt that holds the lease, and not those of an earlier one'
);
select is(
  (select array_agg(distinct t.topic || ' ' || t.event || ' ' || t.private) from told t),
  array['stepbase:run:' || tests.sample_id('run') || ' text true'], 'on the private channel of the run'
);
select is(
  (select t.payload ->> 'step_id' from told t limit 1),
  (select s.step_id from stepbase.step_runs s where s.id = tests.sample_id('step_run')), 'with the step'
);
select is_empty($$select from realtime.messages m where m.event = 'text'$$, 'the messages are deleted');
select lives_ok($$select stepbase_engine.send_step_texts('[]')$$, 'no piece is no message');

select * from finish();
rollback;
