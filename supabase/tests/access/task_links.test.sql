-- Mails about tasks and the links in them: who gets one, and when a link decides.

begin;
set local search_path = public, extensions;
select plan(41);
select tests.create_tasks();
delete from stepbase.task_decisions where true;
insert into stepbase.app_members (app_code, user_id, role)
select 'tap-one', p.user_id, 'developer' from tests.person('removed') p;

create function pg_temp.id_of(who text) returns uuid language sql as $$ select p.user_id from tests.person(who) p; $$;
create function pg_temp.task(name text default 'approval') returns stepbase.step_runs language sql as $$
  select s from stepbase.step_runs s where s.id = tests.sample_id(name);
$$;
create function pg_temp.mailed() returns text language sql as $$
  select string_agg(split_part(m.recipient, '@', 1), ' ' order by m.recipient)
  from stepbase_private.mails m where m.template = 'task' and m.sent_at is null and m.failed_at is null;
$$;
-- Sends the due mails; the tokens of a person, by decision.
create function pg_temp.tokens_of(who text) returns jsonb language sql as $$
  select t.data -> 'links' from stepbase_engine.take_mails(100) t where t.recipient = who || '@tap.example' and t.template = 'task'
  order by t.mail_id desc limit 1;
$$;
-- The SQLSTATE of a call; 'ok' without an error. The call is rolled back.
create function pg_temp.tried(call text) returns text language plpgsql as $$
begin
  execute 'select stepbase_engine.' || call;
  raise exception using errcode = 'TAP00';
exception
  when sqlstate 'TAP00' then
    return 'ok';
  when others then
    return sqlstate;
end;
$$;
create function pg_temp.used(token text) returns text language sql as $$
  select pg_temp.tried(format('use_task_link(%L, ''c'')', token));
$$;

-- Constraints.
select is(tests.attempt('owner', s.statement), s.answer, s.what)
from (
  values
    ('a mail about a task names the task and the person', '23514', $$insert into stepbase_private.mails (app_code, template, recipient) values ('tap-one', 'task', 'a@x.example')$$),
    ('another mail names neither', '23514', $$insert into stepbase_private.mails (app_code, template, recipient, invitation_id, step_run_id) values ('tap-one', 'invitation', 'a@x.example', '00000000-0000-4000-8000-00000000d030', gen_random_uuid())$$),
    ('a link has the hash of a token', '23514', $$insert into stepbase_private.task_links (app_code, step_run_id, user_id, decision, token_hash, expires_at) values ('tap-one', gen_random_uuid(), '00000000-0000-4000-8000-00000000f001', 'approve', 'sbd_x', now())$$),
    ('a decision is known', '23514', $$insert into stepbase_private.task_links (app_code, step_run_id, user_id, decision, token_hash, expires_at) values ('tap-one', gen_random_uuid(), '00000000-0000-4000-8000-00000000f001', 'maybe', repeat('a', 64), now())$$)
) s (what, answer, statement);

-- Who gets a mail.
select is(stepbase_engine.mail_task(pg_temp.task(), 'created'), 3, 'a task without an assignee is mailed to all who may complete it');
select is(pg_temp.mailed(), 'admin developer removed', 'viewers may not');
update stepbase_private.mails set failed_at = now() where template = 'task';
update stepbase.app_quotas set max_task_mails_per_hour = 4 where app_code = 'tap-one';
select is(stepbase_engine.mail_task(pg_temp.task(), 'created'), 1, 'not more than the application may send in an hour');
update stepbase_private.mails set failed_at = now() where template = 'task';
select is(stepbase_engine.mail_task(pg_temp.task(), 'created'), 0, 'and none beyond that');
update stepbase.app_quotas set max_task_mails_per_hour = 500 where app_code = 'tap-one';
insert into stepbase.workers (worker_id, metadata, last_heartbeat_at) values ('tap-mailless', '{"mail": false}', stepbase_engine.now());
select is(stepbase_engine.mail_task(pg_temp.task(), 'created'), 0, 'without settings for mail there is none');
delete from stepbase.workers where worker_id = 'tap-mailless';
update stepbase.step_runs set task = '{"title": "Go?", "exclude_requester": true}' where id = tests.sample_id('approval');
update stepbase.runs set created_by = pg_temp.id_of('admin') where id = tests.sample_id('run');
select is(stepbase_engine.mail_task(pg_temp.task(), 'created'), 2, 'an excluded requester gets none');
update stepbase.step_runs set task = '{"title": "Go?"}' where id = tests.sample_id('approval');
update stepbase_private.mails set failed_at = now() where template = 'task';

-- A mail and its links.
update stepbase.step_runs
set assigned_users = array[pg_temp.id_of('viewer'), pg_temp.id_of('removed'), pg_temp.id_of('developer')], assigned_at = now()
where id = tests.sample_id('approval');
select is(stepbase_engine.mail_task(pg_temp.task(), 'created'), 3, 'assigned users get a mail');
create temporary table first_mail as
select pg_temp.tokens_of('viewer') as viewer, null::jsonb as removed;
select matches(f.viewer ->> 'approve', '^sbd_', 'with a token for each decision') from first_mail f;
select isnt(f.viewer ->> 'approve', f.viewer ->> 'reject', 'that differ') from first_mail f;
select is(
  (
    select count(*) from stepbase_private.task_links l
    where l.token_hash in (select t.value from first_mail f cross join jsonb_each_text(f.viewer) t)
  ),
  0::bigint, 'and are not stored'
);
select is(
  (select count(*) from stepbase_private.task_links l where l.user_id = pg_temp.id_of('viewer') and l.expires_at between
    stepbase_engine.now() + interval '6 days' and stepbase_engine.now() + interval '7 days'), 2::bigint, 'they expire in seven days'
);
select matches(
  stepbase_engine.read_task_link(f.viewer ->> 'reject') #>> '{}',
  '"title": "Go\?".*"person": "viewer".*"decision": "reject"', 'the link shows what is asked'
) from first_mail f;
select is((pg_temp.task()).status, 'waiting', 'and reading it decides nothing');
select is(pg_temp.used(f.viewer ->> 'approve'), 'ok', 'a confirmation decides') from first_mail f;
select is(pg_temp.used('sbd_unknown'), 'SB401', 'an unknown token is refused');
select is(pg_temp.used(null), 'SB401', 'no token is refused');
select is(pg_temp.tried($$read_task_link('sbd_unknown')$$), 'SB401', 'also for reading');
-- The same answer for unknown, expired and used tokens.
create function pg_temp.message_of(token text) returns text language plpgsql as $$
begin
  perform stepbase_engine.use_task_link(token, null);
  return null;
exception
  when others then
    return sqlerrm;
end;
$$;
update stepbase_private.task_links set expires_at = stepbase_engine.now() where user_id = pg_temp.id_of('viewer');
select is(pg_temp.message_of(f.viewer ->> 'approve'), pg_temp.message_of('sbd_unknown'), 'an expired token answers as an unknown one') from first_mail f;
update stepbase_private.task_links set expires_at = stepbase_engine.now() + interval '1 day' where true;
update stepbase.app_members set accepted_at = null where user_id = pg_temp.id_of('viewer') and app_code = 'tap-one';
select is(pg_temp.used(f.viewer ->> 'approve'), 'SB403', 'the link of a person without a membership is refused') from first_mail f;
select is(
  pg_temp.tried(format('read_task_link(%L)', f.viewer ->> 'approve')), 'SB403', 'and does not show the approval'
) from first_mail f;
update stepbase.app_members set accepted_at = now() where user_id = pg_temp.id_of('viewer') and app_code = 'tap-one';
update stepbase.step_runs set assigned_users = null, assigned_at = null, assigned_roles = '{developer}'
where id = tests.sample_id('approval');
select is(pg_temp.used(f.viewer ->> 'approve'), 'SB403', 'so is that of a person without the role') from first_mail f;
update stepbase.step_runs
set assigned_users = array[pg_temp.id_of('viewer'), pg_temp.id_of('removed')], assigned_at = now(), assigned_roles = null
where id = tests.sample_id('approval');
update stepbase.users set is_active = false where id = pg_temp.id_of('viewer');
select is(pg_temp.used(f.viewer ->> 'approve'), 'SB403', 'and that of a deactivated account') from first_mail f;
update stepbase.users set is_active = true where id = pg_temp.id_of('viewer');
update stepbase.applications set deleted_at = now() where app_code = 'tap-one';
select is(pg_temp.used(f.viewer ->> 'approve'), 'SB401', 'and each one of a deleted application') from first_mail f;
update stepbase.applications set deleted_at = null where app_code = 'tap-one';
update stepbase.step_runs set claimed_by = pg_temp.id_of('removed'), claimed_at = now() where id = tests.sample_id('approval');
select is(pg_temp.used(f.viewer ->> 'approve'), 'SB409', 'and that of a task which another person has claimed') from first_mail f;
update stepbase.step_runs set claimed_by = null, claimed_at = null where id = tests.sample_id('approval');

-- A later mail replaces the links of an earlier one.
select is(stepbase_engine.mail_task(pg_temp.task(), 'reminder', pg_temp.id_of('removed')), 1, 'a mail can be for one person');
update first_mail set removed = pg_temp.tokens_of('removed');
select is(stepbase_engine.mail_task(pg_temp.task(), 'reminder', pg_temp.id_of('removed')), 1, 'a second mail');
select isnt(pg_temp.tokens_of('removed') ->> 'approve', null, 'has new links');
select is(pg_temp.used(f.removed ->> 'approve'), 'SB401', 'and ends those of the first') from first_mail f;

-- One decision.
update stepbase.step_runs set task = '{"title": "Go?", "approvals_required": 2}' where id = tests.sample_id('approval');
select is(
  stepbase_engine.use_task_link(f.viewer ->> 'approve', ' fine ') ->> 'status', 'waiting', 'one of two approvals by a link'
) from first_mail f;
select results_eq(
  $$select d.user_id, d.via, d.approved, d.comment from stepbase.task_decisions d$$,
  $$select pg_temp.id_of('viewer'), 'link', true, 'fine'$$, 'is a decision of the person, by link'
);
select is(
  (select l.new_row ->> 'via' from stepbase.audit_log l where l.table_name = 'task_decisions' and l.new_row ->> 'comment' = 'fine'),
  'link', 'also in the audit log'
);
select is(pg_temp.message_of(f.viewer ->> 'reject'), pg_temp.message_of('sbd_unknown'), 'then the other link of the mail has ended') from first_mail f;
select is(stepbase_engine.mail_task(pg_temp.task(), 'reminder'), 1, 'a person who has decided gets no further mail');
select is(
  exists (
    select 1 from stepbase_private.mails m
    where m.user_id = pg_temp.id_of('removed') and m.sent_at is null and m.failed_at is null
  ),
  true, 'a mail waits to be sent'
);
update stepbase.step_runs set status = 'cancelled', completed_at = now() where id = tests.sample_id('approval');
update stepbase_private.mails set due_at = stepbase_engine.now() where sent_at is null and failed_at is null;
select is(pg_temp.tokens_of('removed'), null, 'and is not sent when the task has ended');
select is(pg_temp.mailed(), null, 'it has ended too');
select tests.perform_as('admin', format('select stepbase.erase_person(%L)', pg_temp.id_of('removed')));
select is_empty(
  $$select user_id from stepbase_private.task_links where user_id = pg_temp.id_of('removed')
    union all select user_id from stepbase_private.mails where user_id = pg_temp.id_of('removed')$$,
  'the erasure of a person deletes their links and mails'
);

select * from finish();
rollback;
