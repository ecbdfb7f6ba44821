-- RPCs about several applications of an organization: moving an application to another organization, and the members of
-- all of its applications. See rpc_runs for the pattern.

create function stepbase_private.links_of_organization(p_app stepbase.applications)
returns bigint
language sql
stable
set search_path = ''
as $$
  with pins as (
    select p.workflow_version_id, p.component_id from stepbase_engine.pinned_components p
    union
    select t.workflow_version_id, t.component_id from stepbase_engine.pinned_tools t
  )
  select count(distinct (w.id, c.id))
  from stepbase.applications a
  join stepbase.workflows w on w.app_code = a.app_code and w.deleted_at is null
  join pins p on p.workflow_version_id = w.published_version_id
  join stepbase.components c on c.id = p.component_id and c.visibility = 'organization' and c.app_code <> w.app_code
  -- One side is the application, the other side is the rest of its organization.
  where a.organization_id = p_app.organization_id and (w.app_code = p_app.app_code or c.app_code = p_app.app_code);
$$;

comment on function stepbase_private.links_of_organization(stepbase.applications) is
  'How often a published workflow uses a component that only the organization shares: of the application by workflows of '
  'its sisters, and the other way round. They fail when the application leaves the organization.';

-- Security definer: clients cannot write organization_id.
create function stepbase_private.transfer_application(p_app_code text, p_organization_id uuid, p_force boolean)
returns stepbase.applications
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_user_id constant uuid := stepbase_private.require_user();
  v_app stepbase.applications := stepbase_private.require_app_admin(p_app_code);
  v_organization stepbase.organizations;
  v_links bigint;
begin
  -- The lock serializes the creations and transfers in one organization.
  perform 1 from stepbase.organizations o where o.id = p_organization_id for no key update;
  v_organization := stepbase_private.require_organization(p_organization_id);
  if v_app.organization_id = v_organization.id then
    return v_app;
  end if;
  if v_app.purge_at is not null then
    perform stepbase_private.raise_error('conflict', 'The application is being deleted; reactivate it first');
  end if;
  perform stepbase_private.require_room(
    (select count(*) from stepbase.applications a where a.organization_id = v_organization.id),
    (select s.max_applications_per_organization from stepbase_private.installation_settings s),
    'max_applications_per_organization', 'An organization can have %s applications (%s); delete one or ask the operator'
  );
  v_links := stepbase_private.links_of_organization(v_app);
  if v_links > 0 and not coalesce(p_force, false) then
    perform stepbase_private.raise_error(
      'conflict',
      format('%s uses of components that only the organization shares would fail; publish the workflows without them, or set force', v_links),
      jsonb_build_object('shared_components', v_links)
    );
  end if;
  update stepbase.applications a set organization_id = v_organization.id
  where a.app_code = v_app.app_code
  returning a.* into v_app;
  return v_app;
end;
$$;

comment on function stepbase_private.transfer_application(text, uuid, boolean) is 'Implements stepbase.transfer_application.';
grant execute on function stepbase_private.transfer_application(text, uuid, boolean) to authenticated;

create function stepbase.transfer_application(app_code text, organization_id uuid, force boolean default false)
returns stepbase.applications
language sql
set search_path = ''
as $$
  select stepbase_private.transfer_application(
    transfer_application.app_code, transfer_application.organization_id, transfer_application.force
  );
$$;

comment on function stepbase.transfer_application(text, uuid, boolean) is
  'Moves an application with all its rows, members and keys to another organization and returns it. Components and prompts '
  'with the visibility organization are then shared with the applications of that organization. force: also if published '
  'workflows use components that only the former organization shares; their steps fail from then on. Refresh the session '
  'afterwards, because tokens name the organization. Requires the role admin in the application, and the role admin in an '
  'application of the other organization, or to have created one without an application. Errors: SB401, SB403 also for API '
  'keys, SB404 not a member, or unknown organization, SB409 shared components without force (shared_components in the '
  'detail), or a deletion has begun, SB429 the organization has the most applications that it can.';
grant execute on function stepbase.transfer_application(text, uuid, boolean) to authenticated;

-- Security definer: a token reads the members of one application; this reads those of several.
create function stepbase_private.list_organization_members(p_organization_id uuid)
returns table (
  app_code text, application_name text, user_id uuid, email text, display_name text, role text, accepted_at timestamptz
)
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_user_id constant uuid := stepbase_private.require_user();
  v_apps text[];
begin
  v_apps := array(
    select m.app_code
    from stepbase.app_members m
    join stepbase.applications a on a.app_code = m.app_code and a.deleted_at is null
    join stepbase.organizations o on o.id = a.organization_id and o.deleted_at is null
    join stepbase.app_roles r on r.app_code = m.app_code and r.name = m.role and 'member:read' = any (r.permissions)
    join stepbase.users u on u.id = m.user_id and u.is_active and u.deleted_at is null
    where m.user_id = v_user_id and m.accepted_at is not null and a.organization_id = p_organization_id
  );
  if v_apps = '{}' then
    perform stepbase_private.raise_error('not_found', 'Organization not found among those whose members you read');
  end if;
  return query
    select a.app_code, a.name, u.id, u.email, u.display_name, m.role, m.accepted_at
    from stepbase.app_members m
    join stepbase.applications a on a.app_code = m.app_code
    join stepbase.users u on u.id = m.user_id
    where m.app_code = any (v_apps)
      -- The profile of a person who has not accepted is hidden, as in the list of one application.
      and (m.accepted_at is not null or m.user_id = v_user_id)
    order by u.email, u.id, a.app_code;
end;
$$;

comment on function stepbase_private.list_organization_members(uuid) is 'Implements stepbase.list_organization_members.';
grant execute on function stepbase_private.list_organization_members(uuid) to authenticated;

create function stepbase.list_organization_members(organization_id uuid)
returns table (
  app_code text, application_name text, user_id uuid, email text, display_name text, role text, accepted_at timestamptz
)
language sql
stable
set search_path = ''
as $$
  select m.* from stepbase_private.list_organization_members(list_organization_members.organization_id) m;
$$;

comment on function stepbase.list_organization_members(uuid) is
  'The memberships in all applications of an organization in which the caller has member:read, ordered by e-mail address; a '
  'person has one row for each application. Memberships that wait for consent are left out. Errors: SB401, SB403 for API '
  'keys, SB404 the caller reads the members of none of its applications.';
grant execute on function stepbase.list_organization_members(uuid) to authenticated;
