-- RPCs for a person who is invited: read, accept and decline the invitation of a token, and list one's own. They need a
-- signed-in user with the invited address, and no membership.

-- Security definer: clients cannot read auth.users.
create function stepbase_private.confirmed_email()
returns text
language sql
stable
security definer
set search_path = ''
as $$
  select lower(u.email) from auth.users u where u.id = auth.uid() and u.email_confirmed_at is not null;
$$;

comment on function stepbase_private.confirmed_email() is
  'The address of the calling user if Supabase Auth has confirmed it; null otherwise.';

create function stepbase_private.may_still_invite(p_invitation stepbase.invitations)
returns boolean
language sql
stable
set search_path = ''
as $$
  select p_invitation.is_by_operator or exists (
    select 1
    from stepbase.app_members m
    join stepbase.users u on u.id = m.user_id and u.is_active and u.deleted_at is null
    cross join lateral stepbase_private.permissions_of_role(m.app_code, m.role) own
    where m.app_code = p_invitation.app_code
      and m.user_id = p_invitation.invited_by
      and m.accepted_at is not null
      and 'member:manage' = any (own)
      and stepbase_private.permissions_of_role(p_invitation.app_code, p_invitation.role) <@ own
  );
$$;

comment on function stepbase_private.may_still_invite(stepbase.invitations) is
  'Whether the member who invited could do it now. An invitation of a removed or demoted member must not outlive the right to invite.';

-- Security definer: an invited person cannot read invitations.
create function stepbase_private.invitation_of_token(p_token text)
returns stepbase.invitations
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_invitation stepbase.invitations;
begin
  if auth.uid() is null then
    perform stepbase_private.raise_error('not_authenticated', 'Sign in with the invited address first');
  end if;
  select i.* into v_invitation
  from stepbase_private.invitation_tokens t
  join stepbase.invitations i on i.id = t.invitation_id and i.app_code = t.app_code
  join stepbase.applications a on a.app_code = i.app_code and a.deleted_at is null
  join stepbase.organizations o on o.id = a.organization_id and o.deleted_at is null
  where t.token_hash = stepbase_private.token_hash(coalesce(p_token, ''))
  for no key update of i;
  if not found then
    perform stepbase_private.raise_error('not_found', 'Invitation not found; use the link of the newest mail');
  end if;
  -- First, so that another person learns nothing about the invitation.
  if v_invitation.email is distinct from stepbase_private.confirmed_email() then
    perform stepbase_private.raise_error(
      'invitation_not_yours', 'The invitation is for another address; sign in with the address that received the mail'
    );
  end if;
  if v_invitation.status = 'open' and v_invitation.expires_at <= stepbase_engine.now() then
    perform stepbase_private.raise_error(
      'invitation_expired', 'The invitation has expired; ask for a new one',
      jsonb_build_object('expires_at', v_invitation.expires_at)
    );
  end if;
  v_invitation := stepbase_private.lock_open_invitation(v_invitation.app_code, v_invitation.id);
  if not stepbase_private.may_still_invite(v_invitation) then
    perform stepbase_private.raise_error(
      'invitation_revoked', 'The member who invited you can no longer invite with this role; ask for a new invitation'
    );
  end if;
  return v_invitation;
end;
$$;

comment on function stepbase_private.invitation_of_token(text) is
  'Locks the open invitation of a token for the calling user, and returns it. Errors: SB401 not signed in, SB404 unknown token, SB410 '
  'expired, SB411 accepted or declined, SB414 revoked, SB413 another address.';

create function stepbase_private.describe_invitation(p_invitation stepbase.invitations)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'id', p_invitation.id, 'app_code', p_invitation.app_code, 'application', a.name, 'email', p_invitation.email,
    'role', p_invitation.role, 'status', p_invitation.status, 'expires_at', p_invitation.expires_at,
    'invited_by', coalesce(nullif(btrim(u.display_name), ''), u.email), 'created_at', p_invitation.created_at
  )
  from stepbase.applications a
  left join stepbase.users u on u.id = p_invitation.invited_by
  where a.app_code = p_invitation.app_code;
$$;

comment on function stepbase_private.describe_invitation(stepbase.invitations) is 'What the invited person sees of an invitation.';

-- Security definer: an invited person cannot read invitations.
create function stepbase_private.read_invitation(p_token text)
returns jsonb
language sql
security definer
set search_path = ''
as $$
  select stepbase_private.describe_invitation(stepbase_private.invitation_of_token(p_token));
$$;

comment on function stepbase_private.read_invitation(text) is 'Implements stepbase.read_invitation.';
grant execute on function stepbase_private.read_invitation(text) to authenticated;

create function stepbase.read_invitation(token text)
returns jsonb
language sql
set search_path = ''
as $$
  select stepbase_private.read_invitation(read_invitation.token);
$$;

comment on function stepbase.read_invitation(text) is
  'The invitation of the token in a mail: {id, app_code, application, email, role, status, expires_at, invited_by, created_at}. The caller is signed in with '
  'the invited, confirmed address. Errors: SB401, SB404 unknown token, SB410 expired, SB411 accepted or declined, SB414 revoked, SB413 another address.';
grant execute on function stepbase.read_invitation(text) to authenticated;

-- Security definer: clients cannot write invitations and memberships of their own.
create function stepbase_private.accept_invitation(p_token text)
returns stepbase.app_members
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_invitation constant stepbase.invitations := stepbase_private.invitation_of_token(p_token);
  v_member stepbase.app_members;
begin
  insert into stepbase.app_members as m (app_code, user_id, role, invited_by, accepted_at)
  values (v_invitation.app_code, auth.uid(), v_invitation.role, v_invitation.invited_by, now())
  -- A membership that waited for consent gets the role of the invitation; one that counts already keeps its role.
  on conflict (app_code, user_id) do update
  set
    role = case when m.accepted_at is null then excluded.role else m.role end,
    accepted_at = coalesce(m.accepted_at, excluded.accepted_at)
  returning m.* into v_member;
  perform stepbase_private.end_invitation(v_invitation.id, 'accepted', auth.uid());
  return v_member;
end;
$$;

comment on function stepbase_private.accept_invitation(text) is 'Implements stepbase.accept_invitation.';
grant execute on function stepbase_private.accept_invitation(text) to authenticated;

create function stepbase.accept_invitation(token text)
returns stepbase.app_members
language sql
set search_path = ''
as $$
  select stepbase_private.accept_invitation(accept_invitation.token);
$$;

comment on function stepbase.accept_invitation(text) is
  'Makes the caller a member by the token of a mail and returns the membership. Then call switch_app and refresh the session. The caller is '
  'signed in with the invited, confirmed address. Errors: SB401, SB404 unknown token, SB410 expired, SB411 accepted or declined, SB414 '
  'revoked, SB413 another address.';
grant execute on function stepbase.accept_invitation(text) to authenticated;

-- Security definer: clients cannot write invitations.
create function stepbase_private.decline_invitation(p_token text)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_invitation constant stepbase.invitations := stepbase_private.invitation_of_token(p_token);
begin
  return stepbase_private.describe_invitation(stepbase_private.end_invitation(v_invitation.id, 'declined'));
end;
$$;

comment on function stepbase_private.decline_invitation(text) is 'Implements stepbase.decline_invitation.';
grant execute on function stepbase_private.decline_invitation(text) to authenticated;

create function stepbase.decline_invitation(token text)
returns jsonb
language sql
set search_path = ''
as $$
  select stepbase_private.decline_invitation(decline_invitation.token);
$$;

comment on function stepbase.decline_invitation(text) is
  'Declines the invitation of the token in a mail and returns it as read_invitation does. Errors: those of accept_invitation.';
grant execute on function stepbase.decline_invitation(text) to authenticated;

-- Security definer: an invited person cannot read invitations.
create function stepbase_private.my_invitations()
returns setof jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  if auth.uid() is null then
    perform stepbase_private.raise_error('not_authenticated', 'Sign in first');
  end if;
  return query
  select stepbase_private.describe_invitation(i)
  from stepbase.invitations i
  join stepbase.applications a on a.app_code = i.app_code and a.deleted_at is null
  join stepbase.organizations o on o.id = a.organization_id and o.deleted_at is null
  where i.email = stepbase_private.confirmed_email()
    and i.status = 'open'
    and i.expires_at > stepbase_engine.now()
    and stepbase_private.may_still_invite(i)
  order by i.created_at desc
  limit 100;
end;
$$;

comment on function stepbase_private.my_invitations() is 'Implements stepbase.my_invitations.';
grant execute on function stepbase_private.my_invitations() to authenticated;

create function stepbase.my_invitations()
returns setof jsonb
language sql
stable
set search_path = ''
as $$
  select i from stepbase_private.my_invitations() i;
$$;

comment on function stepbase.my_invitations() is
  'The open invitations to the caller''s confirmed address, the newest first, as read_invitation returns them. Accepting needs the token of the '
  'mail. Errors: SB401 not signed in.';
grant execute on function stepbase.my_invitations() to authenticated;
