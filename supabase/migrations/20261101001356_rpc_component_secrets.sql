-- RPC that creates and replaces the secret of a component. See rpc_runs for the pattern.

-- Security definer: clients cannot write secrets.
create function stepbase_private.rotate_component_secret(p_component_id uuid, p_overlap_seconds int)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  -- A worker signs each call with every secret.
  c_most constant int := 10;
  v_app_code constant text := stepbase_private.require_permission('component:write');
begin
  perform stepbase_private.require_overlap(p_overlap_seconds);
  perform 1 from stepbase.components c
  where c.id = p_component_id and c.app_code = v_app_code and c.deleted_at is null
  for no key update;
  if not found then
    perform stepbase_private.raise_error('not_found', 'Component not found');
  end if;
  delete from stepbase_private.component_secrets s
  where s.component_id = p_component_id and (p_overlap_seconds = 0 or s.expires_at <= stepbase_engine.now());
  if (select count(*) from stepbase_private.component_secrets s where s.component_id = p_component_id) >= c_most then
    perform stepbase_private.raise_error(
      'limit_reached',
      format('The component has %s secrets, its limit; wait until one expires, or rotate without overlap', c_most),
      jsonb_build_object('limit', c_most)
    );
  end if;
  update stepbase_private.component_secrets s
  set expires_at = least(s.expires_at, stepbase_engine.now() + p_overlap_seconds * interval '1 second')
  where s.component_id = p_component_id;
  return jsonb_build_object(
    'id', p_component_id, 'secret', stepbase_private.make_component_secret(p_component_id, v_app_code)
  );
end;
$$;

comment on function stepbase_private.rotate_component_secret(uuid, int) is 'Implements stepbase.rotate_component_secret.';
grant execute on function stepbase_private.rotate_component_secret(uuid, int) to authenticated;

create function stepbase.rotate_component_secret(component_id uuid, overlap_seconds int default 0)
returns jsonb
language sql
set search_path = ''
as $$
  select stepbase_private.rotate_component_secret(
    rotate_component_secret.component_id, coalesce(rotate_component_secret.overlap_seconds, 0)
  );
$$;

comment on function stepbase.rotate_component_secret(uuid, int) is
  'Creates or replaces the secret that signs the calls of a component, and returns {id, secret}: the secret is returned only '
  'here. For overlap_seconds (0 to 604800) calls have a signature by each secret. Requires component:write. Errors: SB400 '
  'overlap_seconds out of range, SB401, SB403, SB404 unknown component, SB429 ten secrets are valid.';
grant execute on function stepbase.rotate_component_secret(uuid, int) to authenticated;
