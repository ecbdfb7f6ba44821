-- Trigger functions that many tables and views share: stamps of changes, what cannot be changed, short errors.

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

create function stepbase_engine.short_error(p_error jsonb)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  select case
    when p_error is null or greatest(octet_length(p_error::text), pg_column_size(p_error)) <= 16384 then p_error
    when jsonb_typeof(p_error) <> 'object' then jsonb_build_object('truncated', left(p_error::text, 4000))
    else (
      -- A key that is too long to be stored short is left out.
      select coalesce(jsonb_object_agg(
        k.key,
        case
          when k.key = 'message' then to_jsonb(left(p_error ->> 'message', 4000))
          when octet_length(k.value::text) <= 200 then k.value
          when k.key = 'details' and octet_length(k.value::text) <= 8192 then k.value
          when k.key = 'details' then jsonb_build_object('truncated', left(k.value::text, 8000))
          else to_jsonb(left(k.value #>> '{}', 200))
        end
      ), '{}')
      from (
        select e.key, e.value from jsonb_each(p_error) e
        where length(e.key) <= 63
        order by e.key not in ('code', 'message', 'details', 'retryable'), e.key
        limit 20
      ) k
    )
  end;
$$;

comment on function stepbase_engine.short_error(jsonb) is
  'An error cut to a few KB, mostly its message and details: it is stored with each attempt and again with the run.';

create function stepbase_private.cut_errors()
returns trigger
language plpgsql
set search_path = ''
as $$
declare
  v_row constant jsonb := to_jsonb(new);
  v_column_name text;
  v_value jsonb;
begin
  foreach v_column_name in array tg_argv loop
    v_value := v_row -> v_column_name;
    if jsonb_typeof(v_value) = 'string' then
      v_value := to_jsonb(left(v_value #>> '{}', 4000));
    elsif v_column_name = 'pending_outcome' then
      v_value := v_value || jsonb_strip_nulls(
        jsonb_build_object('error', stepbase_engine.short_error(v_value -> 'error'))
      );
    else
      v_value := stepbase_engine.short_error(v_value);
    end if;
    new := jsonb_populate_record(new, jsonb_build_object(v_column_name, v_value));
  end loop;
  return new;
end;
$$;

comment on function stepbase_private.cut_errors() is
  'Trigger: cuts the errors in the columns of its arguments to a few KB, for every writer. The condition of a trigger '
  'keeps it from rows with short errors.';
