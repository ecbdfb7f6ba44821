-- RPC that creates and replaces the secret of a component. See rpc_runs for the pattern.

-- Security definer: clients cannot write secrets.
create function stepbase_private.rotate_component_secret(p_component_id uuid, p_overlap_seconds int)
returns jsonb
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app_code constant text := stepbase_private.require_permission('component:write');
begin
  perform stepbase_private.require_overlap(p_overlap_seconds);
  perform 1 from stepbase.components c
  where c.id = p_component_id and c.app_code = v_app_code and c.deleted_at is null
  for no key update;
  if not found then
    perform stepbase_private.raise_error('not_found', 'Component not found');
  end if;
  return jsonb_build_object(
    'id', p_component_id, 'secret', stepbase_private.rotate_signing_secret(
      v_app_code, 'component', p_component_id, p_overlap_seconds
    )
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
  'here. For overlap_seconds (0 to 604800) calls have a signature by the replaced secret, too. Requires component:write. Errors: SB400 '
  'overlap_seconds out of range, SB401, SB403, SB404 unknown component, SB409 an earlier overlap has not ended.';
grant execute on function stepbase.rotate_component_secret(uuid, int) to authenticated;
