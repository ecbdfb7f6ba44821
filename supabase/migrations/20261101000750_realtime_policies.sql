-- Authorization of Realtime channels, by RLS on realtime.messages when a client joins.
--   stepbase:run:<run_id>            members who can select that run
--   stepbase:app:<app_code>:runs     members of that app with run:read
-- Clients cannot send on these channels: there is no insert policy.

create function stepbase_private.may_receive(p_topic text)
returns boolean
language plpgsql
stable
security definer
set search_path = ''
as $$
-- Security definer: reads runs without the caller's policies, but only those of the caller's app.
begin
  if p_topic ~ '^stepbase:run:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then
    return stepbase_private.has_permission('run:read') and exists (
      select 1 from stepbase.runs r
      where r.id = substr(p_topic, 14)::uuid and r.app_code = stepbase_private.app_code()
    );
  end if;
  return p_topic = 'stepbase:app:' || stepbase_private.app_code() || ':runs'
    and stepbase_private.has_permission('run:read');
end;
$$;

comment on function stepbase_private.may_receive(text) is
  'Returns whether the calling user may receive broadcasts of a topic: stepbase:run:<id> or stepbase:app:<app_code>:runs.';
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
