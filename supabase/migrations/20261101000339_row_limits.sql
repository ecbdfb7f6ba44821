-- Limits of rows: how many rows of a table an application may have. A trigger counts them through an index on
-- app_code, up to the limit; there is no counter row that every insert would have to lock. Concurrent transactions do
-- not see the rows of each other and can exceed a limit by those.

-- Security definer: counts all rows and reads the quota, also those that the caller cannot read.
create function stepbase_private.limit_rows()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
  c_quota constant text := tg_argv[0];
  c_noun constant text := tg_argv[1];
  c_counted constant text := coalesce(tg_argv[2], 'true');
  v_limit int;
  v_count int;
begin
  execute format('select q.%I from stepbase.app_quotas q where q.app_code = $1', c_quota)
  into v_limit
  using new.app_code;
  execute format(
    'select count(*) from (select 1 from %s t where t.app_code = $1 and %s limit $2 + 1) x', tg_relid::regclass, c_counted
  )
  into v_count
  using new.app_code, v_limit;
  if v_count > v_limit then
    perform stepbase_private.raise_error(
      'limit_reached', format('The application has %s %s, its limit; remove one first', v_limit, c_noun),
      jsonb_build_object('quota', c_quota, 'limit', v_limit)
    );
  end if;
  return null;
end;
$$;

comment on function stepbase_private.limit_rows() is
  'Trigger after insert (quota, noun, condition on the row t): raises SB429 limit_reached with quota and limit if the '
  'application has more rows than the column of app_quotas allows.';

create trigger service_accounts_limit after insert on stepbase.service_accounts
  for each row execute function stepbase_private.limit_rows('max_service_accounts', 'service accounts');
create trigger api_keys_limit after insert on stepbase.api_keys
  for each row execute function stepbase_private.limit_rows('max_api_keys', 'API keys', 't.revoked_at is null');
