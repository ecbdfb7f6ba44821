-- Invitations: who invites with which role, who accepts, and what ends an invitation. The access matrix has the roles.

begin;
set local search_path = public, extensions;
select plan(56);
select tests.create_rows();

-- Sends the due mails and returns the token of the newest one to an address.
create function pg_temp.token_for(address text) returns text language sql as $$
  select t.data ->> 'token' from stepbase_engine.take_mails(100) t
  where t.recipient = address
  order by t.mail_id desc
  limit 1;
$$;
create function pg_temp.invite(who text, address text, role text default 'viewer') returns text language sql as $$
  select tests.perform_as(who, format('select (stepbase.invite_member(%L, %L)).id', address, role));
$$;
create function pg_temp.tried(who text, call text, token text) returns text language sql as $$
  select tests.attempt(who, format('select stepbase.%I(%L)', call, token));
$$;
create function pg_temp.code(who text, call text, token text) returns text language sql as $$
  select tests.detail_of(who, format('select stepbase.%I(%L)', call, token)) ->> 'code';
$$;
-- Constraints.
select is(tests.attempt('owner', s.statement), s.answer, s.what)
from (
  values
    ('an address must be lower-case', '23514', $$insert into stepbase.invitations (app_code, email, role, expires_at) values ('tap-one', 'A@x.example', 'viewer', now())$$),
    ('an address must be one address', '23514', $$insert into stepbase.invitations (app_code, email, role, expires_at) values ('tap-one', 'a@x.example,b@x.example', 'viewer', now())$$),
    ('a role must exist', '23503', $$insert into stepbase.invitations (app_code, email, role, expires_at) values ('tap-one', 'a@x.example', 'king', now())$$),
    ('a status must be known', '23514', $$update stepbase.invitations set status = 'lost', ended_at = now() where app_code = 'tap-one'$$),
    ('an open invitation has not ended', '23514', $$update stepbase.invitations set ended_at = now() where app_code = 'tap-one'$$),
    ('an address must have one open invitation', '23505', $$insert into stepbase.invitations (app_code, email, role, expires_at) values ('tap-one', 'stranger@tap.example', 'admin', now())$$),
    ('the role of an invitation must not change', 'SB424', $$update stepbase.invitations set role = 'admin' where app_code = 'tap-one'$$),
    ('the application of an invitation must not change', 'SB424', $$update stepbase.invitations set app_code = 'tap-two' where app_code = 'tap-one'$$),
    ('a token must be a hash', '23514', $$update stepbase_private.invitation_tokens set token_hash = 'sbi_sample' where app_code = 'tap-one'$$),
    ('a token must be of the application of its invitation', '23503', $$update stepbase_private.invitation_tokens set app_code = 'tap-two' where app_code = 'tap-one'$$),
    ('a mail must be of the application of its invitation', '23503', $$insert into stepbase_private.mails (app_code, template, recipient, invitation_id) values ('tap-two', 'invitation', 'a@x.example', '00000000-0000-4000-8000-00000000d030')$$)
) s (what, answer, statement);

-- The sample invitation is for stranger.
delete from stepbase.invitations where true;

-- Inviting.
select lives_ok($$select pg_temp.invite('admin', ' Stranger@TAP.example ', 'developer')$$, 'an admin invites an address');
select results_eq(
  'select i.email, i.role, i.status, i.invited_by, i.is_by_operator, i.expires_at > stepbase_engine.now() + interval ''6 days'' from stepbase.invitations i',
  $$select 'stranger@tap.example', 'developer', 'open', p.user_id, false, true from tests.person('admin') p$$,
  'the invitation has the address in lower case, the role, the inviter and an end in seven days'
);
create temporary table given as select pg_temp.token_for('stranger@tap.example') as token;
select isnt((select token from given), null, 'a mail is queued');
select is(
  tests.attempt('admin', $$select stepbase.invite_member('unregistered@tap.example', 'developer')$$), 'ok 1', 'an address without an account gets the same answer'
);
select is(
  tests.attempt('admin', $$select stepbase.invite_member('stranger@tap.example')$$), 'SB409', 'an address has one open invitation'
);
select is(
  tests.detail_of('admin', $$select stepbase.invite_member('stranger@tap.example')$$) ->> 'invitation_id', (select i.id::text from stepbase.invitations i),
  'the error names it'
);
select is(tests.attempt('admin', $$select stepbase.invite_member('viewer@tap.example')$$), 'SB409', 'a member is not invited');
select is(tests.attempt('admin', $$select stepbase.invite_member('sister@tap.example')$$), 'ok 1', 'a member of another application is');
select is(tests.attempt('admin', $$select stepbase.invite_member('a@x.example, b@x.example')$$), 'SB400', 'one address is invited at a time');
select is(tests.attempt('admin', $$select stepbase.invite_member(null)$$), 'SB400', 'the address is required');
select is(tests.attempt('admin', $$select stepbase.invite_member('a@x.example', 'emperor')$$), 'SB400', 'the role exists');
select is(tests.attempt('admin', $$select stepbase.invite_member('a@x.example', null)$$), 'SB400', 'the role is required');
update stepbase.app_roles set permissions = permissions || array['member:manage'] where app_code = 'tap-one' and name = 'developer';
select is(
  tests.detail_of('developer', $$select stepbase.invite_member('a@x.example', 'admin')$$) -> 'permissions' ? 'key:manage', true,
  'no member grants a role with a permission that the member lacks'
);
select is(tests.attempt('developer', $$select stepbase.invite_member('a@x.example', 'viewer')$$), 'ok 1', 'but a role with fewer');
update stepbase.app_quotas set max_open_invitations = 1 where app_code = 'tap-one';
select is(
  tests.detail_of('admin', $$select stepbase.invite_member('a@x.example')$$) ->> 'quota', 'max_open_invitations', 'an application has a number of open invitations'
);
update stepbase.app_quotas set max_open_invitations = 100 where app_code = 'tap-one';
select is(
  tests.attempt('admin', $$insert into stepbase.invitations (app_code, email, role, expires_at) values ('tap-one', 'a@x.example', 'admin', now())$$), '42501',
  'clients write no invitation'
);

-- Accepting.
select is(pg_temp.tried('stranger', 'accept_invitation', 'sbi_unknown'), 'SB404', 'an unknown token is not found');
select is(pg_temp.tried('stranger', 'accept_invitation', null), 'SB404', 'nor is none');
select is(
  pg_temp.code('viewer', 'accept_invitation', (select token from given)), 'invitation_not_yours', 'another person cannot accept, even with the token'
);
select is(pg_temp.code('admin', 'read_invitation', (select token from given)), 'invitation_not_yours', 'nor read it with the token');
update auth.users set email_confirmed_at = null where email = 'stranger@tap.example';
select is(
  pg_temp.code('stranger', 'accept_invitation', (select token from given)), 'invitation_not_yours', 'an address that is not confirmed does not count'
);
select is(tests.attempt('stranger', 'select stepbase.my_invitations()'), 'ok 0', 'and shows no invitation');
update auth.users set email_confirmed_at = now() where email = 'stranger@tap.example';
select is(
  tests.perform_as('stranger', $$select (i - 'id' - 'expires_at' - 'created_at')::text from stepbase.my_invitations() i$$),
  '{"role": "developer", "email": "stranger@tap.example", "status": "open", "app_code": "tap-one", "invited_by": "admin", "application": "One"}',
  'the invited person sees the invitation'
);
select is(tests.attempt('stranger', 'select 1 from stepbase.invitations'), 'ok 0', 'but not the table');
select is(
  tests.perform_as('stranger', format($$select stepbase.read_invitation(%L) ->> 'application'$$, (select token from given))), 'One', 'and reads it by its token'
);
select is(
  tests.perform_as('stranger', format('select (stepbase.accept_invitation(%L)).role', (select token from given))), 'developer', 'and becomes a member with its role'
);
select results_eq(
  $$select m.role, m.accepted_at is not null, m.invited_by from stepbase.app_members m join tests.person('stranger') p on p.user_id = m.user_id$$,
  $$select 'developer', true, p.user_id from tests.person('admin') p$$, 'the membership counts at once'
);
select results_eq(
  'select i.status, i.accepted_by, i.ended_at is not null from stepbase.invitations i',
  $$select 'accepted', p.user_id, true from tests.person('stranger') p$$, 'the invitation has ended'
);
select is(pg_temp.code('stranger', 'accept_invitation', (select token from given)), 'invitation_used', 'a token works once');
select is(
  (select count(*)::int from stepbase.audit_log a where a.table_name = 'invitations' and a.app_code = 'tap-one' and a.operation = 'update'), 1,
  'the audit log has the acceptance, and not the mail'
);

-- Other ends.
select pg_temp.invite('admin', 'removed@tap.example');
truncate given;
insert into given select pg_temp.token_for('removed@tap.example');
select stepbase_engine.advance_clock('8 days');
select is(pg_temp.code('removed', 'accept_invitation', (select token from given)), 'invitation_expired', 'an invitation lasts seven days');
select is(tests.attempt('removed', 'select stepbase.my_invitations()'), 'ok 0', 'an expired one is not listed');
select lives_ok($$select pg_temp.invite('admin', 'removed@tap.example')$$, 'after that the address can be invited again');
select is(pg_temp.code('removed', 'accept_invitation', (select token from given)), 'invitation_expired', 'the old link stays expired');
truncate given;
insert into given select pg_temp.token_for('removed@tap.example');
select lives_ok(
  $$select tests.perform_as('admin', format('select (stepbase.resend_invitation(%L)).id', i.id)) from stepbase.invitations i where i.status = 'open'$$,
  'an invitation is sent again'
);
create temporary table later as select pg_temp.token_for('removed@tap.example') as token;
select is(pg_temp.tried('removed', 'accept_invitation', (select token from given)), 'SB404', 'then the earlier link has ended');
update stepbase.app_members set role = 'admin' where user_id = (select user_id from tests.person('developer'));
update stepbase.app_members set role = 'viewer' where user_id = (select user_id from tests.person('admin'));
select is(
  pg_temp.code('removed', 'accept_invitation', (select token from later)), 'invitation_revoked', 'an invitation ends with the inviter''s right to invite'
);
select is(tests.attempt('removed', 'select stepbase.my_invitations()'), 'ok 0', 'and is not listed then');
update stepbase.app_members set role = 'admin' where user_id = (select user_id from tests.person('admin'));
select is(
  tests.perform_as('removed', format($$select stepbase.decline_invitation(%L) ->> 'status'$$, (select token from later))), 'declined', 'an invitation is declined'
);
select is(pg_temp.code('removed', 'accept_invitation', (select token from later)), 'invitation_used', 'and cannot be accepted after that');
select is(
  tests.attempt('admin', format('select stepbase.resend_invitation(%L)', (select i.id from stepbase.invitations i where i.status = 'declined'))), 'SB411',
  'nor sent again'
);

-- Revoking.
select pg_temp.invite('admin', 'viewer2@tap.example');
select is(
  tests.perform_as('admin', $$select (stepbase.revoke_invitation(i.id)).status from stepbase.invitations i where i.email = 'viewer2@tap.example'$$), 'revoked',
  'an admin revokes an invitation'
);
select is(pg_temp.token_for('viewer2@tap.example'), null, 'a mail that was not sent is not sent any more');
select is(
  tests.attempt('admin', $$select stepbase.revoke_invitation(i.id) from stepbase.invitations i where i.email = 'viewer2@tap.example'$$), 'ok 1',
  'a repeated call has no further effect'
);
select is(
  tests.attempt('sister', format('select stepbase.revoke_invitation(%L)', (select i.id from stepbase.invitations i where i.email = 'viewer2@tap.example'))), 'SB404',
  'an invitation of another application is not found'
);

select * from finish();
rollback;
