-- Pinned components: a version keeps the ids of its components, so that a published version calls the components that
-- it was published with. Names are never looked up at run time.

create table stepbase_engine.pinned_components (
  workflow_version_id uuid not null,
  component_id uuid not null,
  endpoint text,
  primary key (workflow_version_id, component_id),
  constraint pinned_components_version_fkey foreign key (workflow_version_id)
    references stepbase.workflow_versions (id) on delete cascade,
  constraint pinned_components_component_fkey foreign key (component_id)
    references stepbase.components (id) on delete cascade
);

comment on table stepbase_engine.pinned_components is
  'Components of a version as they were when it was saved or published; explain warns when they have changed since.';
comment on column stepbase_engine.pinned_components.endpoint is 'The component''s endpoint at that time.';

create index idx_pinned_components_component_id on stepbase_engine.pinned_components (component_id);

alter table stepbase_engine.pinned_components enable row level security;

create function stepbase_engine.node_components(p_node stepbase.workflow_nodes)
returns table (part text, reference text, component_id uuid)
language plpgsql
stable
set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
    select x.part, x.reference, x.component_id
    from (
      values
        ('step', p_node.config ->> 'component', p_node.component_id),
        ('item', p_node.config #>> '{step,config,component}', p_node.item_component_id),
        ('compensation', p_node.compensate #>> '{config,component}', p_node.compensation_component_id)
    ) x (part, reference, component_id)
    where x.reference is not null
    union all
    select 'tool', t.tool ->> 'component', k.component_id
    from stepbase_private.agent_tools(p_node.node_type, p_node.config) t
    left join stepbase_engine.pinned_tools k
      on k.workflow_version_id = p_node.workflow_version_id and k.node_id = p_node.node_id and k.place = t.place
    where t.tool ? 'component';
end;
$$;

comment on function stepbase_engine.node_components(stepbase.workflow_nodes) is
  'The references to components in a node (part: step, item, compensation or tool) with the components they are pinned to.';

create function stepbase_engine.pin_components(p_workflow_version_id uuid)
returns void
language plpgsql
set search_path = ''
as $$
begin
  delete from stepbase_engine.pinned_components p where p.workflow_version_id = p_workflow_version_id;
  update stepbase.workflow_nodes n
  set
    component_id = stepbase_private.component_for(n.app_code, n.config ->> 'component'),
    item_component_id = stepbase_private.component_for(n.app_code, n.config #>> '{step,config,component}'),
    compensation_component_id = stepbase_private.component_for(n.app_code, n.compensate #>> '{config,component}')
  where n.workflow_version_id = p_workflow_version_id
    and (
      n.config ? 'component'
      or n.config #> '{step,config,component}' is not null
      or n.compensate #> '{config,component}' is not null
    );
  insert into stepbase_engine.pinned_components (workflow_version_id, component_id, endpoint)
  select distinct n.workflow_version_id, c.id, c.endpoint
  from stepbase.workflow_nodes n
  join stepbase.components c on c.id in (n.component_id, n.item_component_id, n.compensation_component_id)
  where n.workflow_version_id = p_workflow_version_id;
  perform stepbase_engine.pin_tools(p_workflow_version_id);
end;
$$;

comment on function stepbase_engine.pin_components(uuid) is
  'Resolves the names of components in a version and stores the ids in its nodes. Callers: the triggers that write the '
  'graph and that publish a version.';

-- Security definer: no client may write the graph.
create function stepbase_private.pin_published_components()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform stepbase_engine.pin_components(new.id);
  return null;
end;
$$;

comment on function stepbase_private.pin_published_components() is
  'Trigger: pins the components of a version that is published, because names may have changed since the draft was saved.';

create trigger workflow_versions_pin_components after update of status on stepbase.workflow_versions
  for each row when (old.status = 'draft' and new.status = 'published')
  execute function stepbase_private.pin_published_components();
