-- The ETag of a draft: a client saves only over the draft that it has read (If-Match, If-None-Match of the HTTP API).

create function stepbase_private.draft_etag(p_version stepbase.workflow_versions)
returns text
language sql
stable
set search_path = ''
as $$
  select format('"%s"', md5(concat_ws('.', p_version.id, extract(epoch from p_version.updated_at))));
$$;

comment on function stepbase_private.draft_etag(stepbase.workflow_versions) is
  'Identifies the state of a version; each save of a draft changes it. A strong ETag, with its quotes.';
grant execute on function stepbase_private.draft_etag(stepbase.workflow_versions) to authenticated;

-- Security definer: clients cannot lock workflows. Application and permission are checked first.
create function stepbase_private.require_draft(p_kebab_name text, p_etag text)
returns void
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_app constant text := stepbase_private.require_permission('workflow:write');
  v_found text;
begin
  -- Locks the workflow, as save_workflow does, so that no other save comes between the check and the save.
  perform 1 from stepbase.workflows w where w.app_code = v_app and w.kebab_name = p_kebab_name for no key update;
  select stepbase_private.draft_etag(v) into v_found
  from stepbase.workflow_versions v
  join stepbase.workflows w on w.id = v.workflow_id
  where w.app_code = v_app and w.kebab_name = p_kebab_name and w.deleted_at is null and v.status = 'draft';
  if v_found is distinct from p_etag and (v_found is null or p_etag is distinct from '*') then
    perform stepbase_private.raise_error(
      'precondition_failed',
      case
        when v_found is null then 'The workflow has no draft'
        when p_etag is null then 'The workflow has a draft'
        else 'The draft was saved since it was read'
      end,
      jsonb_strip_nulls(jsonb_build_object('etag', v_found))
    );
  end if;
end;
$$;

comment on function stepbase_private.require_draft(text, text) is
  'Locks the workflow until the transaction ends if its draft has the ETag (*: if there is a draft; null: if there is '
  'none). Raises SB412 precondition_failed otherwise, with the present etag. The HTTP API calls it.';
grant execute on function stepbase_private.require_draft(text, text) to authenticated;
