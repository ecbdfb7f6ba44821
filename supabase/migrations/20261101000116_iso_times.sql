-- Times that callers pass as text. A parameter of type timestamptz would also accept 'tomorrow' and 'now', and would
-- read a time without an offset in the zone of the session.

create function stepbase_private.iso_time(p_text text, p_parameter text)
returns timestamptz
language plpgsql
stable
set search_path = ''
as $$
declare
  v_parts constant text[] := regexp_match(
    p_text,
    '^(\d{4}-\d{2}-\d{2})(?:[Tt ]((?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?)'
    || '(?:(?<=:\d\d:\d\d)[.,](\d{1,6})\d{0,3})?([Zz]|[+-](?:0\d|1[0-5])(?::?[0-5]\d)?)?)?$'
  );
  v_time timestamptz;
begin
  if v_parts is not null then
    v_time := (
      v_parts[1] || ' ' || coalesce(v_parts[2], '00:00') || coalesce('.' || v_parts[3], '') || coalesce(v_parts[4], 'Z')
    )::timestamptz;
  end if;
  if p_text is not null and (v_time is null or extract(year from v_time at time zone 'UTC') not between 1 and 9999) then
    raise datetime_field_overflow;
  end if;
  return v_time;
exception
  when datetime_field_overflow or invalid_datetime_format then
    perform stepbase_private.raise_error(
      'invalid_request', format('%s must be a date of ISO 8601, such as 2026-11-29T10:00:00Z', p_parameter)
    );
end;
$$;

comment on function stepbase_private.iso_time(text, text) is
  'The time of a date of ISO 8601 with an optional time of day and offset; UTC without an offset. Null for null. Errors: '
  'SB400 with the name of the parameter, for another form or a day that does not exist.';
grant execute on function stepbase_private.iso_time(text, text) to authenticated;

create function stepbase_private.iso_date(p_text text, p_parameter text)
returns date
language plpgsql
stable
set search_path = ''
as $$
begin
  if p_text !~ '^\d{4}-\d{2}-\d{2}$' then
    perform stepbase_private.raise_error(
      'invalid_request', format('%s must be a day of ISO 8601, such as 2026-11-29', p_parameter)
    );
  end if;
  return (stepbase_private.iso_time(p_text, p_parameter) at time zone 'UTC')::date;
end;
$$;

comment on function stepbase_private.iso_date(text, text) is
  'The day of a date of ISO 8601 without a time. Null for null. Errors: SB400 with the name of the parameter, for another form or '
  'a day that does not exist.';
grant execute on function stepbase_private.iso_date(text, text) to authenticated;
