-- RPCs of invitations, for those who invite and for those who are invited. See rpc_runs for the pattern.
-- An answer never tells whether an address has an account: an invitation is the same row and the same mail for both.
-- Lock order: the invitation, then its mails. take_mails has locked a mail when its token refers to the invitation, so
-- the invitation is locked for no key update, which such a reference does not wait for.

-- Security definer: policies let only members read the roles, and a person with an open invitation has no membership.
create function stepbase_private.permissions_of_role(p_app_code text, p_role text)
returns text[]
language sql
stable
security definer
set search_path = ''
as $$
  select r.permissions from stepbase.app_roles r where r.app_code = p_app_code and r.name = p_role;
$$;

comment on function stepbase_private.permissions_of_role(text, text) is
  'The permissions of a role in an application; null if the role does not exist.';

create function stepbase_private.mail_invitation(p_invitation stepbase.invitations)
returns uuid
language sql
set search_path = ''
as $$
  select stepbase_private.queue_mail(
    p_invitation.app_code, 'invitation', p_invitation.email,
    jsonb_build_object(
      'application', a.name,
      'role', p_invitation.role,
      'inviter', coalesce(nullif(btrim(u.display_name), ''), u.email),
      'expires_at', p_invitation.expires_at
    ),
    p_invitation.id
  )
  from stepbase.applications a
  left join stepbase.users u on u.id = p_invitation.invited_by
  where a.app_code = p_invitation.app_code;
$$;

comment on function stepbase_private.mail_invitation(stepbase.invitations) is
  'Queues the mail of an invitation. Errors: those of stepbase_private.queue_mail.';

create function stepbase_private.cancel_mails(p_invitation stepbase.invitations, p_reason text)
returns void
language sql
set search_path = ''
as $$
  update stepbase_private.mails m
  set failed_at = stepbase_engine.now(), error = p_reason
  where m.invitation_id = p_invitation.id and m.app_code = p_invitation.app_code
    and m.sent_at is null and m.failed_at is null;
$$;

comment on function stepbase_private.cancel_mails(stepbase.invitations, text) is
  'Ends the mails of an invitation that were not sent.';

create function stepbase_private.end_invitation(p_id uuid, p_status text, p_accepted_by uuid default null)
returns stepbase.invitations
language plpgsql
set search_path = ''
as $$
declare
  v_invitation stepbase.invitations;
begin
  update stepbase.invitations i
  set status = p_status, ended_at = stepbase_engine.now(), accepted_by = p_accepted_by
  where i.id = p_id
  returning i.* into v_invitation;
  perform stepbase_private.cancel_mails(v_invitation, format('the invitation is %s', p_status));
  return v_invitation;
end;
$$;

comment on function stepbase_private.end_invitation(uuid, text, uuid) is
  'Ends an invitation with a status and cancels its mails that were not sent. The caller has locked the row.';

-- Security definer: clients cannot write invitations.
create function stepbase_private.invite_member(p_email text, p_role text)
returns stepbase.invitations
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app constant text := stepbase_private.require_permission('member:manage');
  v_email constant text := lower(btrim(coalesce(p_email, '')));
  v_now constant timestamptz := stepbase_engine.now();
  v_limit int;
  v_invitation stepbase.invitations;
begin
  if length(v_email) > 254 or v_email !~ '^[^[:space:]@<>(),;:"\\]+@[^[:space:]@<>(),;:"\\]+$' then
    perform stepbase_private.raise_error('invalid_request', 'email must be one e-mail address');
  end if;
  perform stepbase_private.require_grantable(p_role);
  -- One at a time for an application, so that two calls do not exceed a limit together.
  perform pg_advisory_xact_lock(hashtextextended('stepbase.invite:' || v_app, 0));
  if exists (
    select 1 from stepbase.app_members m
    join stepbase.users u on u.id = m.user_id
    where m.app_code = v_app and m.accepted_at is not null and u.email = v_email
  ) then
    perform stepbase_private.raise_error('conflict', format('%s is already a member of the application', v_email));
  end if;
  select i.* into v_invitation
  from stepbase.invitations i
  where i.app_code = v_app and i.email = v_email and i.status = 'open'
  for no key update;
  if found and v_invitation.expires_at > v_now then
    perform stepbase_private.raise_error(
      'conflict', format('%s is already invited; call resend_invitation, or revoke_invitation first', v_email),
      jsonb_build_object('invitation_id', v_invitation.id)
    );
  elsif found then
    perform stepbase_private.end_invitation(v_invitation.id, 'expired');
  end if;
  select q.max_open_invitations into v_limit from stepbase.app_quotas q where q.app_code = v_app;
  if (
    select count(*) >= v_limit
    from stepbase.invitations i
    where i.app_code = v_app and i.status = 'open' and i.expires_at > v_now
  ) then
    perform stepbase_private.raise_error(
      'limit_reached', format('The application may have %s open invitations; revoke one first', v_limit),
      jsonb_build_object('quota', 'max_open_invitations', 'limit', v_limit)
    );
  end if;
  insert into stepbase.invitations (app_code, email, role, invited_by, is_by_operator, expires_at)
  values (
    v_app, v_email, p_role, stepbase_private.person_id(), stepbase_private.person_id() is null,
    v_now + interval '7 days'
  )
  returning * into v_invitation;
  perform stepbase_private.mail_invitation(v_invitation);
  return v_invitation;
end;
$$;

comment on function stepbase_private.invite_member(text, text) is 'Implements stepbase.invite_member.';
grant execute on function stepbase_private.invite_member(text, text) to authenticated;

create function stepbase.invite_member(email text, role text default 'viewer')
returns stepbase.invitations
language sql
set search_path = ''
as $$
  select stepbase_private.invite_member(invite_member.email, invite_member.role);
$$;

comment on function stepbase.invite_member(text, text) is
  'Invites an address to the caller''s application and mails it a link that works once, for seven days. The answer is the '
  'same whether the address has an account or not. Requires member:manage. Errors: SB400 no address, unknown role; SB401; SB403, also '
  'for a role with a permission that the caller lacks; SB409 already a member or invited; SB429 too many open invitations, or '
  'mails per hour; SB503 mail is not configured.';
grant execute on function stepbase.invite_member(text, text) to authenticated;

-- Security definer: clients cannot write invitations.
create function stepbase_private.lock_open_invitation(p_app_code text, p_id uuid)
returns stepbase.invitations
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_invitation stepbase.invitations;
begin
  select i.* into v_invitation
  from stepbase.invitations i
  where i.id = p_id and i.app_code = p_app_code
  for no key update;
  if not found then
    perform stepbase_private.raise_error('not_found', 'Invitation not found');
  end if;
  if v_invitation.status <> 'open' then
    perform stepbase_private.raise_error(
      case v_invitation.status
        when 'revoked' then 'invitation_revoked'
        when 'expired' then 'invitation_expired'
        else 'invitation_used'
      end,
      format('The invitation is %s', v_invitation.status), jsonb_build_object('status', v_invitation.status)
    );
  end if;
  return v_invitation;
end;
$$;

comment on function stepbase_private.lock_open_invitation(text, uuid) is
  'Locks an invitation that has not ended, and returns it. Errors: SB404 unknown in this application, SB410 expired, SB411 accepted or '
  'declined, SB414 revoked.';

-- Security definer: clients cannot write invitations.
create function stepbase_private.resend_invitation(p_id uuid)
returns stepbase.invitations
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app constant text := stepbase_private.require_permission('member:manage');
  v_invitation stepbase.invitations;
begin
  perform pg_advisory_xact_lock(hashtextextended('stepbase.invite:' || v_app, 0));
  v_invitation := stepbase_private.lock_open_invitation(v_app, p_id);
  perform stepbase_private.require_grantable(v_invitation.role);
  -- The caller vouches for the invitation from now on.
  update stepbase.invitations i
  set
    invited_by = stepbase_private.person_id(),
    is_by_operator = stepbase_private.person_id() is null,
    expires_at = stepbase_engine.now() + interval '7 days',
    mail_error = null
  where i.id = v_invitation.id
  returning i.* into v_invitation;
  -- A late repetition of the earlier mail would end the link of the new one.
  perform stepbase_private.cancel_mails(v_invitation, 'a later mail replaces it');
  perform stepbase_private.mail_invitation(v_invitation);
  return v_invitation;
end;
$$;

comment on function stepbase_private.resend_invitation(uuid) is 'Implements stepbase.resend_invitation.';
grant execute on function stepbase_private.resend_invitation(uuid) to authenticated;

create function stepbase.resend_invitation(id uuid)
returns stepbase.invitations
language sql
set search_path = ''
as $$
  select stepbase_private.resend_invitation(resend_invitation.id);
$$;

comment on function stepbase.resend_invitation(uuid) is
  'Mails a new link of an open invitation, which then lasts seven days again; the earlier link ends. Requires member:manage. Errors: SB401; '
  'SB403, also for a role with a permission that the caller lacks; SB404; SB410, SB411, SB414 it has ended; SB429 mails per hour; SB503 mail '
  'is not configured.';
grant execute on function stepbase.resend_invitation(uuid) to authenticated;

-- Security definer: clients cannot write invitations.
create function stepbase_private.revoke_invitation(p_id uuid)
returns stepbase.invitations
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app constant text := stepbase_private.require_permission('member:manage');
  v_invitation stepbase.invitations;
begin
  select i.* into v_invitation from stepbase.invitations i where i.id = p_id and i.app_code = v_app for no key update;
  if v_invitation.status = 'revoked' then
    return v_invitation;
  end if;
  v_invitation := stepbase_private.lock_open_invitation(v_app, p_id);
  return stepbase_private.end_invitation(v_invitation.id, 'revoked');
end;
$$;

comment on function stepbase_private.revoke_invitation(uuid) is 'Implements stepbase.revoke_invitation.';
grant execute on function stepbase_private.revoke_invitation(uuid) to authenticated;

create function stepbase.revoke_invitation(id uuid)
returns stepbase.invitations
language sql
set search_path = ''
as $$
  select stepbase_private.revoke_invitation(revoke_invitation.id);
$$;

comment on function stepbase.revoke_invitation(uuid) is
  'Ends an open invitation at once; repeated calls have no further effect. Requires member:manage. Errors: SB401, SB403, SB404, SB410 '
  'expired, SB411 accepted or declined.';
grant execute on function stepbase.revoke_invitation(uuid) to authenticated;
