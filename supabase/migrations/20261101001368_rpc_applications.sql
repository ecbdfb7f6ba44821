-- RPCs that list, change, deactivate and delete applications and organizations. See rpc_runs for the pattern. Those
-- that end access name the application, because a token for a deactivated application gives no access.

-- Security definer: the policies hide deactivated applications.
create function stepbase_private.my_applications()
returns table (
  app_code text, name text, organization_id uuid, organization_name text, role text, accepted_at timestamptz,
  is_current boolean, deactivated_at timestamptz, purge_at timestamptz
)
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_user_id constant uuid := stepbase_private.require_user();
  v_current constant text := stepbase_private.app_code();
begin
  return query
    select
      a.app_code, a.name, a.organization_id, o.name, m.role, m.accepted_at,
      a.app_code is not distinct from v_current, a.deleted_at, a.purge_at
    from stepbase.app_members m
    join stepbase.applications a on a.app_code = m.app_code
    join stepbase.organizations o on o.id = a.organization_id and o.deleted_at is null
    join stepbase.users u on u.id = m.user_id and u.is_active and u.deleted_at is null
    where m.user_id = v_user_id
    order by m.created_at, a.app_code;
end;
$$;

comment on function stepbase_private.my_applications() is 'Implements stepbase.my_applications.';
grant execute on function stepbase_private.my_applications() to authenticated;

create function stepbase.my_applications()
returns table (
  app_code text, name text, organization_id uuid, organization_name text, role text, accepted_at timestamptz,
  is_current boolean, deactivated_at timestamptz, purge_at timestamptz
)
language sql
stable
set search_path = ''
as $$
  select m.* from stepbase_private.my_applications() m;
$$;

comment on function stepbase.my_applications() is
  'The caller''s memberships with their applications, also deactivated ones. accepted_at: null until switch_app. is_current: '
  'the token is for it. purge_at: when it will be deleted. Errors: SB401, SB403 for API keys.';
grant execute on function stepbase.my_applications() to authenticated;

-- Security definer: clients cannot write max_waiting_runs.
create function stepbase_private.update_application(
  p_name text, p_description text, p_run_retention_days double precision, p_event_retention_days int,
  p_audit_retention_days int, p_max_waiting_runs int, p_search_language text
)
returns stepbase.applications
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app constant text := stepbase_private.require_permission('member:manage');
  v_row stepbase.applications;
begin
  update stepbase.applications a
  set
    name = stepbase_private.require_name(coalesce(p_name, a.name)),
    description = coalesce(p_description, a.description),
    run_retention_days = coalesce(p_run_retention_days, a.run_retention_days),
    event_retention_days = coalesce(p_event_retention_days, a.event_retention_days),
    audit_retention_days = coalesce(p_audit_retention_days, a.audit_retention_days),
    max_waiting_runs = nullif(coalesce(p_max_waiting_runs, a.max_waiting_runs), 0),
    search_language = coalesce(p_search_language, a.search_language)
  where a.app_code = v_app
  returning a.* into v_row;
  return v_row;
end;
$$;

comment on function stepbase_private.update_application(text, text, double precision, int, int, int, text) is
  'Implements stepbase.update_application.';
grant execute on function stepbase_private.update_application(text, text, double precision, int, int, int, text)
  to authenticated;

create function stepbase.update_application(
  name text default null, description text default null, run_retention_days double precision default null,
  event_retention_days int default null, audit_retention_days int default null, max_waiting_runs int default null,
  search_language text default null
)
returns stepbase.applications
language sql
set search_path = ''
as $$
  select stepbase_private.update_application(
    update_application.name, update_application.description, update_application.run_retention_days,
    update_application.event_retention_days, update_application.audit_retention_days,
    update_application.max_waiting_runs, update_application.search_language
  );
$$;

comment on function stepbase.update_application(text, text, double precision, int, int, int, text) is
  'Renames the caller''s application, or changes its retention, limits and search language, and returns it; null keeps a '
  'value, and max_waiting_runs 0 ends that limit. Requires member:manage. Errors: SB400 blank name, unknown language, or a '
  'value outside of the bounds that the operator sets in app_quotas, SB401, SB403.';
grant execute on function stepbase.update_application(text, text, double precision, int, int, int, text)
  to authenticated;

create function stepbase_private.require_app_admin(p_app_code text)
returns stepbase.applications
language plpgsql
set search_path = ''
as $$
declare
  v_is_secret_key constant boolean := coalesce(auth.jwt() ->> 'role' = 'service_role', false);
  v_user_id constant uuid := case when not v_is_secret_key then stepbase_private.require_user() end;
  v_role text;
  v_app stepbase.applications;
begin
  select a.* into v_app
  from stepbase.applications a
  join stepbase.organizations o on o.id = a.organization_id and o.deleted_at is null
  where a.app_code = p_app_code
  -- Not for update: a transaction that holds a run and writes to the outbox would wait for it, and deadlock.
  for no key update of a;
  if v_is_secret_key then
    if v_app.app_code is distinct from stepbase_private.require_app_header() then
      perform stepbase_private.raise_error('not_found', 'The application is not the one in the header x-stepbase-app');
    end if;
    return v_app;
  end if;
  select m.role into v_role
  from stepbase.app_members m
  join stepbase.users u on u.id = m.user_id and u.is_active and u.deleted_at is null
  where m.app_code = v_app.app_code and m.user_id = v_user_id and m.accepted_at is not null;
  -- Unknown applications and those of others raise the same error.
  if v_role is null then
    perform stepbase_private.raise_error('not_found', 'Application not found among your memberships');
  end if;
  if v_role <> 'admin' then
    perform stepbase_private.raise_error('permission_denied', format('This requires the role admin in %s', p_app_code));
  end if;
  return v_app;
end;
$$;

comment on function stepbase_private.require_app_admin(text) is
  'Locks and returns an application, active or not, of which the calling user is an admin, or which a caller with the '
  'secret key names in x-stepbase-app. Raises SB400 without that header, SB401, SB403 for other roles and API keys, and '
  'SB404 not_found.';

create function stepbase_private.application_state(p_app_code text)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'app_code', a.app_code,
    'status', case when a.purge_at is not null then 'deleting' when a.deleted_at is not null then 'deactivated' else 'active' end,
    'deactivated_at', a.deleted_at,
    'purge_at', a.purge_at,
    'open_runs', (
      select count(*) from stepbase.runs r
      where r.app_code = a.app_code and r.status in ('pending', 'running', 'paused')
    )
  )
  from stepbase.applications a
  where a.app_code = p_app_code;
$$;

comment on function stepbase_private.application_state(text) is
  '{app_code, status, deactivated_at, purge_at, open_runs} of an application. status: active, deactivated or deleting.';

-- Security definer: clients cannot write deleted_at.
create function stepbase_private.deactivate_application(p_app_code text)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app constant stepbase.applications := stepbase_private.require_app_admin(p_app_code);
begin
  update stepbase.applications a
  set deleted_at = now(), is_deactivated_by_member = true
  where a.app_code = v_app.app_code and a.deleted_at is null;
  return stepbase_private.application_state(v_app.app_code);
end;
$$;

comment on function stepbase_private.deactivate_application(text) is 'Implements stepbase.deactivate_application.';
grant execute on function stepbase_private.deactivate_application(text) to authenticated;

create function stepbase.deactivate_application(app_code text)
returns jsonb
language sql
set search_path = ''
as $$
  select stepbase_private.deactivate_application(deactivate_application.app_code);
$$;

comment on function stepbase.deactivate_application(text) is
  'Deactivates an application: its members and API keys have no access, and schedules, events and webhooks start nothing; '
  'open runs continue. Returns {app_code, status, deactivated_at, purge_at, open_runs}. Requires the role admin in it. '
  'Errors: SB401, SB403, SB404 not a member.';
grant execute on function stepbase.deactivate_application(text) to authenticated;

-- Security definer: clients cannot write deleted_at.
create function stepbase_private.reactivate_application(p_app_code text)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app constant stepbase.applications := stepbase_private.require_app_admin(p_app_code);
begin
  if v_app.deleted_at is not null and not v_app.is_deactivated_by_member then
    perform stepbase_private.raise_error('permission_denied', 'An operator deactivated the application; ask the operator');
  end if;
  if v_app.purge_at <= stepbase_engine.now() then
    perform stepbase_private.raise_error('conflict', 'The deletion of the application has begun');
  end if;
  update stepbase.applications a
  set deleted_at = null, is_deactivated_by_member = false, purge_at = null
  where a.app_code = v_app.app_code;
  return stepbase_private.application_state(v_app.app_code);
end;
$$;

comment on function stepbase_private.reactivate_application(text) is 'Implements stepbase.reactivate_application.';
grant execute on function stepbase_private.reactivate_application(text) to authenticated;

create function stepbase.reactivate_application(app_code text)
returns jsonb
language sql
set search_path = ''
as $$
  select stepbase_private.reactivate_application(reactivate_application.app_code);
$$;

comment on function stepbase.reactivate_application(text) is
  'Ends the deactivation of an application, and cancels its deletion within the grace period. Returns {app_code, status, '
  'deactivated_at, purge_at, open_runs}. Requires the role admin in it. Errors: SB401, SB403 also if an operator '
  'deactivated it, SB404 not a member, SB409 the grace period is over.';
grant execute on function stepbase.reactivate_application(text) to authenticated;

create function stepbase_engine.cancel_open_runs(p_app_code text, p_actor_id uuid default null, p_limit int default 500)
returns int
language plpgsql
set search_path = ''
as $$
declare
  v_runs uuid[] := array(
    select r.id
    from stepbase.runs r
    where r.app_code = p_app_code and r.status in ('pending', 'running', 'paused') and r.pending_outcome is null
    order by r.created_at
    limit p_limit
  );
begin
  if v_runs = '{}' then
    return 0;
  end if;
  v_runs := array(
    select stepbase_engine.end_runs(
      v_runs, 'cancelled', jsonb_build_object('code', 'cancelled', 'message', 'the application is being deleted'), p_actor_id
    )
  );
  perform stepbase_engine.notify_run(p_app_code, r.id, 'run.cancel') from unnest(v_runs) r (id);
  return cardinality(v_runs);
end;
$$;

comment on function stepbase_engine.cancel_open_runs(text, uuid, int) is
  'Cancels up to p_limit open runs of an application, the oldest first, with their compensations, and returns how many.';

-- Security definer: clients cannot write purge_at.
create function stepbase_private.delete_application(p_app_code text, p_force boolean)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app constant stepbase.applications := stepbase_private.require_app_admin(p_app_code);
  v_open constant int := (stepbase_private.application_state(v_app.app_code) ->> 'open_runs')::int;
begin
  if v_open > 0 and not coalesce(p_force, false) then
    perform stepbase_private.raise_error(
      'conflict',
      format('The application has %s open runs; let them end, or set force to cancel them', v_open),
      jsonb_build_object('open_runs', v_open)
    );
  end if;
  update stepbase.applications a
  set
    is_deactivated_by_member = a.deleted_at is null or a.is_deactivated_by_member,
    deleted_at = coalesce(a.deleted_at, now()),
    purge_at = coalesce(a.purge_at, (
      select stepbase_engine.now() + s.deletion_grace_days * interval '1 day'
      from stepbase_private.installation_settings s
    ))
  where a.app_code = v_app.app_code;
  -- The rest of many open runs is cancelled by maintain().
  perform stepbase_engine.cancel_open_runs(v_app.app_code, auth.uid());
  return stepbase_private.application_state(v_app.app_code);
end;
$$;

comment on function stepbase_private.delete_application(text, boolean) is 'Implements stepbase.delete_application.';
grant execute on function stepbase_private.delete_application(text, boolean) to authenticated;

create function stepbase.delete_application(app_code text, force boolean default false)
returns jsonb
language sql
set search_path = ''
as $$
  select stepbase_private.delete_application(delete_application.app_code, delete_application.force);
$$;

comment on function stepbase.delete_application(text, boolean) is
  'Deactivates an application and schedules the deletion of all its rows at purge_at, after the grace period of the '
  'installation; reactivate_application cancels it until then. Returns {app_code, status, deactivated_at, purge_at, '
  'open_runs}. force: cancel open runs, with their compensations; many of them within the next minutes. Requires the role '
  'admin in it. Errors: SB401, SB403, SB404 not a member, SB409 open runs without force (open_runs in the detail).';
grant execute on function stepbase.delete_application(text, boolean) to authenticated;

-- Security definer: clients cannot write organizations.
create function stepbase_private.update_organization(p_organization_id uuid, p_name text, p_slug text)
returns stepbase.organizations
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_organization stepbase.organizations := stepbase_private.require_organization(p_organization_id);
begin
  perform stepbase_private.require_slug(coalesce(p_slug, v_organization.slug));
  begin
    update stepbase.organizations o
    set name = stepbase_private.require_name(coalesce(p_name, o.name)), slug = coalesce(p_slug, o.slug)
    where o.id = v_organization.id
    returning o.* into v_organization;
  exception when unique_violation then
    perform stepbase_private.raise_error(
      'conflict', format('The slug %s is taken; choose another', p_slug), jsonb_build_object('slug', p_slug)
    );
  end;
  return v_organization;
end;
$$;

comment on function stepbase_private.update_organization(uuid, text, text) is 'Implements stepbase.update_organization.';
grant execute on function stepbase_private.update_organization(uuid, text, text) to authenticated;

create function stepbase.update_organization(organization_id uuid, name text default null, slug text default null)
returns stepbase.organizations
language sql
set search_path = ''
as $$
  select stepbase_private.update_organization(
    update_organization.organization_id, update_organization.name, update_organization.slug
  );
$$;

comment on function stepbase.update_organization(uuid, text, text) is
  'Renames an organization and returns it; null keeps a value. Allowed for admins of one of its applications, and for its '
  'creator while it has none. Errors: SB400 invalid name or slug, SB401, SB403, SB404 unknown organization, SB409 the slug '
  'is taken.';
grant execute on function stepbase.update_organization(uuid, text, text) to authenticated;

-- Security definer: clients cannot write organizations.
create function stepbase_private.delete_organization(p_organization_id uuid)
returns stepbase.organizations
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_organization constant stepbase.organizations := stepbase_private.require_organization(p_organization_id);
  v_apps text[];
begin
  perform 1 from stepbase.organizations o where o.id = v_organization.id for update;
  v_apps := array(
    select a.app_code from stepbase.applications a where a.organization_id = v_organization.id order by a.app_code
  );
  if v_apps <> '{}' then
    perform stepbase_private.raise_error(
      'conflict',
      format('The organization has applications: %s; delete them first, and wait for the end of their grace period',
        array_to_string(v_apps[1:10], ', ')),
      jsonb_build_object('applications', cardinality(v_apps))
    );
  end if;
  delete from stepbase.organizations o where o.id = v_organization.id;
  return v_organization;
end;
$$;

comment on function stepbase_private.delete_organization(uuid) is 'Implements stepbase.delete_organization.';
grant execute on function stepbase_private.delete_organization(uuid) to authenticated;

create function stepbase.delete_organization(organization_id uuid)
returns stepbase.organizations
language sql
set search_path = ''
as $$
  select stepbase_private.delete_organization(delete_organization.organization_id);
$$;

comment on function stepbase.delete_organization(uuid) is
  'Deletes an organization without applications and returns it. Allowed for its creator. Errors: SB401, SB403, SB404 unknown '
  'organization, SB409 it has applications, also deactivated ones.';
grant execute on function stepbase.delete_organization(uuid) to authenticated;
