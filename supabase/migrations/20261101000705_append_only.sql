-- Append-only rows: the history of a run (its events, and the results that make up its context) never changes.

create function stepbase_engine.refuse_change()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  -- Retention deletes runs, and the deletion cascades: then the run is already deleted.
  if tg_op = 'DELETE' and not exists (select 1 from stepbase.runs r where r.id = old.run_id) then
    return old;
  end if;
  perform stepbase_private.raise_error(
    'immutable', format('Rows of %s cannot be changed or deleted', tg_table_name)
  );
  return null;
end;
$$;

comment on function stepbase_engine.refuse_change() is
  'Trigger: raises SB424 for update, delete and truncate of a table of append-only rows of runs, for every role.';
