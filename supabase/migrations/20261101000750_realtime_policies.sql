-- Who may receive which Realtime channel: decided by RLS on realtime.messages when a client joins.
--   stepbase:run:<run_id>            whoever can select that run
--   stepbase:app:<app_code>:runs     members of that app who may read runs
-- Clients never send on these channels: there is no insert policy.

create function stepbase_private.may_receive(topic text)
returns boolean
language plpgsql
stable
security definer
set search_path = ''
as $$
-- Security definer: it looks up runs by id before the caller's own policies would; it answers only
-- for the caller's app.
begin
  if topic ~ '^stepbase:run:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then
    return stepbase_private.has_permission('run:read') and exists (
      select 1 from stepbase.runs r
      where r.id = substr(topic, 14)::uuid and r.app_code = stepbase_private.app_code()
    );
  end if;
  return topic = 'stepbase:app:' || stepbase_private.app_code() || ':runs' and stepbase_private.has_permission('run:read');
end;
$$;

comment on function stepbase_private.may_receive(text) is
'Whether the calling user may receive broadcasts of a topic (stepbase:run:<id> or stepbase:app:<app_code>:runs).';
revoke execute on function stepbase_private.may_receive(text) from public;
grant execute on function stepbase_private.may_receive(text) to authenticated;

do $do$
begin
  if to_regclass('realtime.messages') is not null then
    execute $sql$
      create policy "Members receive the run updates they may read"
      on realtime.messages for select to authenticated
      using (
        extension = 'broadcast'
        and (select stepbase_private.may_receive((select realtime.topic())))
      )
    $sql$;
  end if;
end;
$do$;
