-- What is stored of a canvas, and what of it counts as a change of the workflow.

create function stepbase_private.without_session_keys(p_definition jsonb)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  -- A definition in which a list is missing is refused as it is.
  select case
    when jsonb_typeof(p_definition -> 'nodes') = 'array' and jsonb_typeof(p_definition -> 'edges') = 'array'
      then p_definition || (
        select jsonb_object_agg(p.part || 's', (
          select coalesce(jsonb_agg(
            case jsonb_typeof(e.element) when 'object' then e.element - p.keys else e.element end order by e.place
          ), '[]')
          from jsonb_array_elements(p_definition -> (p.part || 's')) with ordinality e (element, place)
        ))
        from (
          select c.part, array(select k.key from jsonb_each_text(c.uses) k where k.value = 'session') as keys
          from jsonb_each(stepbase_private.canvas_keys()) c (part, uses)
          where c.part in ('node', 'edge')
        ) p
      )
    else p_definition
  end;
$$;

comment on function stepbase_private.without_session_keys(jsonb) is
  'A definition without the state of an open canvas (selected, measured, …), which save_workflow does not store.';

create function stepbase_private.content_of(p_definition jsonb)
returns jsonb
language sql
immutable
set search_path = ''
as $$
  -- By id: a canvas changes the order of its lists, for example to draw a node above others.
  select jsonb_build_object(
    'nodes', (
      select coalesce(jsonb_agg(
        jsonb_build_object(
          'id', n.node -> 'id',
          'type', n.node -> 'type',
          'data', (
            select coalesce(jsonb_object_agg(d.key, d.value), '{}')
            from jsonb_each(case jsonb_typeof(n.node -> 'data') when 'object' then n.node -> 'data' else '{}' end) d
            where not d.key ^@ 'x-'
          )
        ) order by (n.node ->> 'id') collate "C", n.place
      ), '[]')
      from jsonb_array_elements(
        case jsonb_typeof(p_definition -> 'nodes') when 'array' then p_definition -> 'nodes' else '[]' end
      ) with ordinality n (node, place)
    ),
    'edges', (
      select coalesce(jsonb_agg(
        jsonb_strip_nulls(jsonb_build_object(
          'id', e.edge -> 'id', 'source', e.edge -> 'source', 'target', e.edge -> 'target',
          'sourceHandle', e.edge -> 'sourceHandle'
        )) order by (e.edge ->> 'id') collate "C", e.place
      ), '[]')
      from jsonb_array_elements(
        case jsonb_typeof(p_definition -> 'edges') when 'array' then p_definition -> 'edges' else '[]' end
      ) with ordinality e (edge, place)
    )
  );
$$;

comment on function stepbase_private.content_of(jsonb) is
  'The part of a definition that decides what runs do: the keys with the use content in canvas_keys(), without keys that '
  'begin with x-, ordered by id.';

create function stepbase_private.content_hash(p_definition jsonb)
returns text
language sql
immutable
set search_path = ''
as $$
  select encode(sha256(convert_to(stepbase_private.content_of(p_definition)::text, 'UTF8')), 'hex');
$$;

comment on function stepbase_private.content_hash(jsonb) is
  'SHA-256 of content_of(p_definition): equal for definitions that differ only in presentation.';

-- The generated column calls them with the rights of the role that writes the row.
grant execute on function stepbase_private.content_of(jsonb), stepbase_private.content_hash(jsonb) to service_role;
