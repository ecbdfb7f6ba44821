-- The queue of mails: limits, attempts with growing pauses, tokens that exist in the mail only, and the error when no
-- worker can send.

begin;
set local search_path = public, extensions;
select plan(32);
select tests.create_rows();

create function pg_temp.queue() returns text language plpgsql as $$
declare
  invitation stepbase.invitations;
begin
  insert into stepbase.invitations (app_code, email, role, is_by_operator, expires_at)
  values ('tap-one', format('p%s@tap.example', (select count(*) from stepbase.invitations)), 'viewer', true, stepbase_engine.now() + interval '7 days')
  returning * into invitation;
  perform stepbase_private.mail_invitation(invitation);
  return invitation.id;
exception when others then
  return sqlstate;
end;
$$;
-- The attempts of all mails that are due, as text: mail of an address, number of the attempt.
create function pg_temp.take() returns text language sql as $$
  select coalesce(string_agg(t.recipient || ' ' || t.attempt, ', ' order by t.recipient), 'none')
  from stepbase_engine.take_mails() t;
$$;
create function pg_temp.report(worker text, can_send boolean) returns void language sql as $$
  select stepbase_engine.heartbeat(jsonb_build_object(
    'worker_id', worker, 'mode', 'resident', 'status', 'running', 'metadata', jsonb_build_object('mail', can_send)));
$$;
delete from stepbase_private.mails where true;
delete from stepbase.workers where app_code is null;

delete from stepbase.workflow_schedules where true;
update stepbase.outbox set published_at = now() where published_at is null;
update stepbase.workflow_version_checks set checker_version = 1000, checked_at = now() where true;

-- Settings.
select ok(not stepbase_engine.has_pending_work(), 'nothing is to be done before the first mail');
select is(stepbase_private.can_send_mail(), null, 'without a report it is unknown whether a mail can be sent');
select matches(pg_temp.queue(), '^[0-9a-f-]{36}$', 'a mail is queued while it is unknown');
select pg_temp.report('w1', false);
select is(stepbase_private.can_send_mail(), false, 'a worker without settings reports it');
select is(pg_temp.queue(), 'SB503', 'no mail is queued if no worker can send it');
select pg_temp.report('w2', true);
select is(stepbase_private.can_send_mail(), true, 'one worker with settings is enough');
select pg_temp.report('w2', false);
select stepbase_engine.advance_clock('11 minutes');
select is(stepbase_private.can_send_mail(), null, 'a report counts for ten minutes');

-- Attempts.
select ok(stepbase_engine.has_due_mails(), 'a queued mail is due');
select ok(stepbase_engine.has_pending_work(), 'a due mail is work for which a worker is called');
create temporary table attempts as select * from stepbase_engine.take_mails();
select is((select count(*)::int from attempts), 1, 'an attempt takes the mail');
select matches((select a.data ->> 'token' from attempts a), '^sbi_[A-Za-z0-9_-]{43}$', 'it gets a token');
select results_eq(
  'select t.token_hash from stepbase_private.invitation_tokens t join stepbase_private.mails m using (invitation_id)',
  $$select encode(sha256(convert_to(a.data ->> 'token', 'UTF8')), 'hex') from attempts a$$, 'the database has the hash of the token'
);
select is_empty(
  $$select 1 from stepbase_private.mails m, attempts a where m::text like '%' || (a.data ->> 'token') || '%'$$, 'and not the token'
);
select is(
  (select a.data - 'token' - 'expires_at' from attempts a), '{"application": "One", "role": "viewer", "inviter": null}',
  'the data names application and role; an operator has no name'
);
select is(pg_temp.take(), 'none', 'a mail is taken once');
select ok(not stepbase_engine.has_due_mails(), 'a mail under way is not due');
select stepbase_engine.advance_clock('121 seconds');
select is(pg_temp.take(), 'p1@tap.example 2', 'an attempt without an outcome is repeated after two minutes');
select isnt(
  (select t.token_hash from stepbase_private.invitation_tokens t join stepbase_private.mails m using (invitation_id)),
  (select encode(sha256(convert_to(a.data ->> 'token', 'UTF8')), 'hex') from attempts a), 'with a token of its own'
);
select stepbase_engine.record_mail(a.mail_id, 1, '<late>') from attempts a;
select is((select m.sent_at from stepbase_private.mails m), null, 'the outcome of an earlier attempt has no effect');
select stepbase_engine.record_mail(a.mail_id, 2, null, 'network_error: down') from attempts a;
select is(pg_temp.take(), 'none', 'after a failure a mail waits');
select is(
  (select i.mail_error from stepbase.invitations i where i.email = 'p1@tap.example'), 'network_error: down', 'the invitation shows the error'
);
select stepbase_engine.advance_clock('2 minutes');
select is(pg_temp.take(), 'p1@tap.example 3', 'the pause after the second attempt is two minutes');
select stepbase_engine.record_mail(a.mail_id, 3, '<id@x>') from attempts a;
select isnt((select m.sent_at from stepbase_private.mails m), null, 'a sent mail has ended');
select results_eq(
  $$select i.mail_sent_at is not null, i.mail_error from stepbase.invitations i where i.email = 'p1@tap.example'$$, $$values (true, null::text)$$,
  'the invitation shows that the mail was sent'
);
select stepbase_engine.advance_clock('1 day');
select is(pg_temp.take(), 'none', 'a sent mail is never due again');

-- The last failure.
select pg_temp.queue();
do $$
declare
  attempt record;
begin
  for n in 1..6 loop
    for attempt in select * from stepbase_engine.take_mails() loop
      perform stepbase_engine.record_mail(attempt.mail_id, attempt.attempt, null, 'network_error: down');
    end loop;
    perform stepbase_engine.advance_clock('3 hours');
  end loop;
end;
$$;
select results_eq(
  'select m.attempts, m.failed_at is not null from stepbase_private.mails m where m.sent_at is null', 'values (6, true)',
  'the sixth failure is the last one'
);
select pg_temp.queue();
select stepbase_engine.record_mail(t.mail_id, t.attempt, null, 'email_rejected: no mailbox', true) from stepbase_engine.take_mails() t;
select is((select count(*)::int from stepbase_private.mails m where m.failed_at is not null), 2, 'a final failure is not repeated');

-- Limits.
update stepbase.app_quotas set max_invitation_mails_per_hour = 1 where app_code = 'tap-one';
select is(pg_temp.queue(), 'SB429', 'an application may send a number of mails per hour');
select stepbase_engine.advance_clock('61 minutes');
select matches(pg_temp.queue(), '^[0-9a-f-]{36}$', 'an hour later it may send again');
select is(
  tests.attempt('owner', $$insert into stepbase_private.mails (app_code, template, recipient) values ('tap-one', 'invitation', 'a@b.example')$$),
  '23514', 'a mail of an invitation names it'
);

-- Retention.
select stepbase_engine.advance_clock('31 days');
select stepbase_engine.prune_mails();
select is((select count(*)::int from stepbase_private.mails m), 1, 'ended mails are deleted after 30 days, open ones are not');
select stepbase_engine.advance_clock('70 days');
select stepbase_engine.prune_mails();
select is_empty($$select 1 from stepbase.invitations i where i.email like 'p%@tap.example'$$, 'invitations are deleted 90 days after their end');

select * from finish();
rollback;
