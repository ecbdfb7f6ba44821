-- Trigger functions that many tables and views share: stamps of changes, and what cannot be changed.

create function stepbase_private.touch_updated_at()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.updated_at := now();
  return new;
end;
$$;

comment on function stepbase_private.touch_updated_at() is
  'Trigger: sets updated_at to the time of the update.';

create function stepbase_private.refuse_column_change()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
  v_old_row constant jsonb := to_jsonb(old);
  v_new_row constant jsonb := to_jsonb(new);
  v_column_name text;
begin
  foreach v_column_name in array tg_argv loop
    if v_old_row -> v_column_name is distinct from v_new_row -> v_column_name then
      perform stepbase_private.raise_error(
        'immutable',
        format('%s of %s cannot be changed', v_column_name, tg_table_name),
        jsonb_build_object('table', tg_table_name, 'column', v_column_name)
      );
    end if;
  end loop;
  return new;
end;
$$;

comment on function stepbase_private.refuse_column_change() is
  'Trigger: raises SB424 immutable when an update changes one of the columns in the trigger''s arguments.';

create function stepbase_private.stamp_updated_by()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.updated_at := now();
  new.updated_by := coalesce(auth.uid(), new.updated_by);
  return new;
end;
$$;

comment on function stepbase_private.stamp_updated_by() is 'Trigger: sets updated_at to the time of the update and, if a user made it, updated_by to that user.';

create function stepbase_private.refuse_view_write()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  raise insufficient_privilege using message = format('permission denied for view %s', tg_table_name);
end;
$$;

comment on function stepbase_private.refuse_view_write() is
  'Trigger: raises 42501 for a write to a view, for every role.';
