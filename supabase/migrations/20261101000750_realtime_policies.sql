-- Authorization of Realtime channels, by RLS on realtime.messages when a client joins.
--   stepbase:run:<run_id>            members who can select that run
--   stepbase:app:<app_code>:runs     members of that app with run:read
--   stepbase:app:<app_code>:operations  the same
--   stepbase:app:<app_code>:workflows   members of that app with workflow:read
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
  if p_topic = 'stepbase:app:' || stepbase_private.app_code() || ':workflows' then
    return stepbase_private.has_permission('workflow:read');
  end if;
  return p_topic in (
      'stepbase:app:' || stepbase_private.app_code() || ':runs',
      'stepbase:app:' || stepbase_private.app_code() || ':operations'
    )
    and stepbase_private.has_permission('run:read');
end;
$$;

comment on function stepbase_private.may_receive(text) is
  'Returns whether the calling user may receive broadcasts of a topic: stepbase:run:<id>, '
  'stepbase:app:<app_code>:runs, stepbase:app:<app_code>:operations or stepbase:app:<app_code>:workflows.';
grant execute on function stepbase_private.may_receive(text) to authenticated;

create function stepbase_private.has_realtime_policy()
returns boolean
language sql
stable
set search_path = ''
as $$
  -- True without Realtime: nothing is missing then.
  select to_regclass('realtime.messages') is null or exists (
    select 1 from pg_policy p
    where p.polrelid = to_regclass('realtime.messages') and p.polname = 'Members receive the run updates they may read'
  );
$$;

comment on function stepbase_private.has_realtime_policy() is
  'Whether members can join the channels of their runs: the policy on realtime.messages exists, or Realtime does not.';

create function stepbase_private.ensure_realtime_policy()
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  if stepbase_private.has_realtime_policy() then
    return false;
  end if;
  execute $sql$
    create policy "Members receive the run updates they may read"
    on realtime.messages for select to authenticated
    using (
      extension = 'broadcast'
      and (select stepbase_private.may_receive((select realtime.topic())))
    )
  $sql$;
  return true;
end;
$$;

comment on function stepbase_private.ensure_realtime_policy() is
  'Creates the policy on realtime.messages if it is missing, and returns whether it did. Realtime creates its table itself, '
  'on a new project possibly after the migrations; maintenance calls this again.';

select stepbase_private.ensure_realtime_policy();
