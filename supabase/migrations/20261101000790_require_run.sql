-- The run that a client refers to, for RPCs and redrives.

create function stepbase_private.require_run(p_run_id uuid, p_app_code text)
returns stepbase.runs
language plpgsql
stable
set search_path = ''
as $$
declare
  v_run stepbase.runs;
begin
  select r.* into v_run from stepbase.runs r
  where r.id = p_run_id and r.app_code = p_app_code;
  if not found then
    perform stepbase_private.raise_error(
      'not_found', 'Run not found',
      jsonb_build_object('run_id', p_run_id)
    );
  end if;
  return v_run;
end;
$$;

comment on function stepbase_private.require_run(uuid, text) is 'Returns the run p_run_id of an application; raises SB404 not_found if there is none.';
