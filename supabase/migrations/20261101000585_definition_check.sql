-- The check of definitions as a whole: a draft must be a graph, a published version must have no problem.

create function stepbase_private.definition_problems(p_definition jsonb, p_app_code text default null)
returns table (node_id text, code text, message text)
language plpgsql
stable
set search_path = ''
as $$
begin
  return query select p.* from stepbase_private.structure_problems(p_definition) p;
  if found then
    return;
  end if;
  if jsonb_array_length(p_definition -> 'nodes') = 0 then
    return query select null::text, 'empty', 'A workflow needs at least one node';
  end if;
  return query
    select p.*
    from jsonb_array_elements(p_definition -> 'nodes') with ordinality n (node, place)
    cross join lateral stepbase_private.node_problems(n.node, p_app_code) p
    order by n.place;
  return query select p.* from stepbase_private.handle_problems(p_definition) p;
  return query select p.* from stepbase_private.reference_problems(p_definition) p;
end;
$$;

comment on function stepbase_private.definition_problems(jsonb, text) is
  'All problems of a definition; no row: it can be published. With p_app_code, also checks that its components exist in '
  'that application.';

create function stepbase_private.refuse_problems(p_problems jsonb)
returns void
language plpgsql
set search_path = ''
as $$
begin
  if jsonb_array_length(p_problems) > 0 then
    perform stepbase_private.raise_error(
      'invalid_definition',
      case jsonb_array_length(p_problems)
        when 1 then p_problems -> 0 ->> 'message'
        else format('%s (and %s more)', p_problems -> 0 ->> 'message', jsonb_array_length(p_problems) - 1)
      end,
      jsonb_build_object('problems', p_problems) || jsonb_strip_nulls(jsonb_build_object('node_id', p_problems -> 0 -> 'node_id'))
    );
  end if;
end;
$$;

comment on function stepbase_private.refuse_problems(jsonb) is 'Raises SB423 invalid_definition if there are problems; the detail has all of them and the node_id of the first.';

-- Security definer: reads step types and components, independent of who stores the version.
create function stepbase_private.check_definition()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform stepbase_private.refuse_problems(coalesce(
    (
      select jsonb_agg(to_jsonb(p))
      from stepbase_private.structure_problems(new.definition) p
      where new.status = 'draft'
    ),
    (
      select jsonb_agg(to_jsonb(p))
      from stepbase_private.definition_problems(new.definition, new.app_code) p
      where new.status = 'published'
    ),
    (
      select jsonb_agg(to_jsonb(p))
      from stepbase_private.block_problems(new.workflow_id, new.definition) p
      where new.status = 'published'
    ),
    '[]'
  ));
  return new;
end;
$$;

comment on function stepbase_private.check_definition() is
  'Trigger: raises SB423 invalid_definition (detail.problems) for a draft that is not a graph, or for a version that is '
  'published with problems.';

create trigger workflow_versions_check_definition_on_insert before insert on stepbase.workflow_versions
  for each row execute function stepbase_private.check_definition();
create trigger workflow_versions_check_definition_on_update
  before update of definition, status on stepbase.workflow_versions
  for each row when (old.status = 'draft' and (old.definition is distinct from new.definition or new.status <> 'draft'))
  execute function stepbase_private.check_definition();
