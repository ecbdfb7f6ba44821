-- Export of a person: the rows of an application that name the person, page by page and table by table. See rpc_runs
-- for the pattern. rpc_erase_person clears the same columns.

create function stepbase_private.person_tables()
returns table (table_name text, column_names text[])
language sql
stable
set search_path = ''
as $$
  select t.table_name, array_agg(p.column_name order by p.column_name)
  from stepbase_private.export_tables() t
  join (
    select c.table_name, c.column_name from stepbase_private.person_columns() c
    -- An erasure deletes the membership and keeps the audit log, so they are not among its columns.
    union all
    values ('app_members', 'user_id'), ('audit_log', 'actor_id')
  ) p (table_name, column_name) on p.table_name = t.table_name
  group by t.table_name
  order by t.table_name;
$$;

comment on function stepbase_private.person_tables() is
  'The tables of an export whose rows name persons, each with the columns that do.';

-- Security definer: an export has rows that no single permission shows.
create function stepbase_private.export_person(p_user_id uuid, p_table_name text, p_after jsonb, p_page_size int)
returns jsonb
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_app constant text := stepbase_private.require_export();
  v_columns text[];
begin
  if p_user_id is null then
    perform stepbase_private.raise_error('invalid_request', 'user_id must not be null');
  end if;
  if p_table_name is null then
    return jsonb_build_object(
      'user_id', p_user_id,
      'profile', (
        select jsonb_build_object('email', u.email, 'display_name', u.display_name, 'avatar_url', u.avatar_url)
        from stepbase.app_members m
        join stepbase.users u on u.id = m.user_id
        where m.app_code = v_app and m.user_id = p_user_id
      ),
      'tables', array(select t.table_name from stepbase_private.person_tables() t)
    );
  end if;
  select t.column_names into v_columns from stepbase_private.person_tables() t where t.table_name = p_table_name;
  if not found then
    perform stepbase_private.raise_error(
      'invalid_request', format('No row of %s names a person', p_table_name),
      jsonb_build_object('tables', array(select t.table_name from stepbase_private.person_tables() t))
    );
  end if;
  return stepbase_private.export_page(v_app, p_table_name, p_after, p_page_size, p_user_id, v_columns);
end;
$$;

comment on function stepbase_private.export_person(uuid, text, jsonb, int) is 'Implements stepbase.export_person.';
grant execute on function stepbase_private.export_person(uuid, text, jsonb, int) to authenticated;

create function stepbase.export_person(
  user_id uuid, table_name text default null, after jsonb default null, page_size int default 500
)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select stepbase_private.export_person(
    export_person.user_id, export_person.table_name, export_person.after, export_person.page_size
  );
$$;

comment on function stepbase.export_person(uuid, text, jsonb, int) is
  'One page of the rows of a table of the caller''s application that name a person (created_by, assigned_to, owner_id …), as '
  '{rows, next}: at most page_size (1 to 1000) rows and 4 MB. Pass next as after to get the following page, until it is '
  'null. Without table_name: {user_id, profile, tables}; profile is {email, display_name, avatar_url} of a member, null for '
  'others. Run events, and lists of several assignees, are not searched. Requires the permissions of export_application. '
  'Errors: SB400 unknown table, cursor or page_size, SB401, SB403.';
grant execute on function stepbase.export_person(uuid, text, jsonb, int) to authenticated;
