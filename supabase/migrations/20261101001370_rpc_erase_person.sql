-- Erasing a person from an application: the membership ends, and no row names the person any more. See rpc_runs for the
-- pattern. The profile belongs to the account, which the person or an operator deletes in Supabase Auth.

create function stepbase_private.person_columns()
returns table (table_name text, column_name text)
language sql
stable
set search_path = ''
as $$
  select c.relname::text, a.attname::text
  from pg_constraint f
  join pg_class c on c.oid = f.conrelid and c.relnamespace = 'stepbase'::regnamespace and not c.relispartition
  join pg_attribute a on a.attrelid = f.conrelid and a.attnum = f.conkey[1] and not a.attnotnull
  where f.contype = 'f'
    and f.confrelid = 'stepbase.users'::regclass
    and cardinality(f.conkey) = 1
    and exists (
      select 1 from pg_attribute o where o.attrelid = f.conrelid and o.attname = 'app_code' and not o.attisdropped
    )
  order by 1, 2;
$$;

comment on function stepbase_private.person_columns() is
  'The columns in rows of an application that name a person and can be null: foreign keys to users.';

-- Security definer: clients cannot write these columns.
create function stepbase_private.erase_person(p_user_id uuid)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app constant text := stepbase_private.require_permission('member:manage');
  c_most_rows constant int := 10000;
  v_column record;
  v_rows int;
  v_erased jsonb := '{}';
  v_is_complete boolean := true;
begin
  if p_user_id is null then
    perform stepbase_private.raise_error('invalid_request', 'user_id must not be null');
  end if;
  if exists (select 1 from stepbase.app_members m where m.app_code = v_app and m.user_id = p_user_id) then
    perform stepbase_private.remove_member(p_user_id);
    v_erased := jsonb_build_object('app_members.user_id', 1);
  end if;
  for v_column in select c.table_name, c.column_name from stepbase_private.person_columns() c loop
    execute format(
      'update stepbase.%1$I t set %2$I = null
      where t.app_code = $1 and t.%2$I = $2
        and t.ctid in (select x.ctid from stepbase.%1$I x where x.app_code = $1 and x.%2$I = $2 limit $3)',
      v_column.table_name, v_column.column_name
    )
    using v_app, p_user_id, c_most_rows;
    get diagnostics v_rows = row_count;
    if v_rows > 0 then
      v_erased := v_erased || jsonb_build_object(v_column.table_name || '.' || v_column.column_name, v_rows);
    end if;
    v_is_complete := v_is_complete and v_rows < c_most_rows;
  end loop;
  delete from stepbase_private.mails m where m.app_code = v_app and m.user_id = p_user_id;
  delete from stepbase_private.task_links l where l.app_code = v_app and l.user_id = p_user_id;
  return jsonb_build_object('user_id', p_user_id, 'erased', v_erased, 'is_complete', v_is_complete);
end;
$$;

comment on function stepbase_private.erase_person(uuid) is 'Implements stepbase.erase_person.';
grant execute on function stepbase_private.erase_person(uuid) to authenticated;

create function stepbase.erase_person(user_id uuid)
returns jsonb
language sql
set search_path = ''
as $$
  select stepbase_private.erase_person(erase_person.user_id);
$$;

comment on function stepbase.erase_person(uuid) is
  'Ends the membership of a person in the caller''s application and clears the columns that name them (created_by, '
  'assigned_to, owner_id …), at most 10,000 rows of each. Returns {user_id, erased: rows by column, is_complete}; repeat the '
  'call until is_complete is true. Run events, lists of several assignees, claims and outputs of tasks and the audit log keep the id, which names no one '
  'after the account is deleted; retention deletes them. Requires member:manage and every permission of the person''s role. '
  'Errors: SB400, SB401, SB403, SB409 the last admin.';
grant execute on function stepbase.erase_person(uuid) to authenticated;
