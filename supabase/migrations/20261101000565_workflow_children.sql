-- Child workflows: which workflows the runs of a workflow may start, and how parent and child depend on each other.

create table stepbase.workflow_children (
  id uuid primary key default gen_random_uuid(),
  app_code text not null default stepbase_private.app_code()
    references stepbase.applications (app_code) on delete cascade,
  parent_workflow_id uuid not null,
  child_workflow_id uuid not null,
  child_workflow_name text not null,
  parent_close_policy text not null default 'terminate' references stepbase.parent_close_policies (name),
  can_signal_parent boolean not null default false,
  can_query_parent boolean not null default false,
  block_until jsonb constraint block_until_is_an_object check (jsonb_typeof(block_until) = 'object'),
  created_by uuid default stepbase_private.user_id() references stepbase.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint workflow_child_is_of_app unique (id, app_code),
  constraint child_is_unique_in_parent unique (parent_workflow_id, child_workflow_name),
  constraint parent_workflow_is_of_same_app
    foreign key (parent_workflow_id, app_code) references stepbase.workflows (id, app_code) on delete cascade,
  constraint child_workflow_is_of_same_app
    foreign key (child_workflow_id, app_code) references stepbase.workflows (id, app_code) on delete cascade
);

comment on table stepbase.workflow_children is 'Workflows that runs of a parent workflow start as children, with their relation to the parent.';
comment on column stepbase.workflow_children.child_workflow_name is 'Name by which child_workflow steps of the parent refer to the child.';
comment on column stepbase.workflow_children.block_until is
  'Conditions for the start of the child: {signal?: name of a signal that the parent run received, children?: names of '
  'children of the same run that completed}; null: none.';

create index idx_workflow_children_parent_workflow_id_app_code
  on stepbase.workflow_children (parent_workflow_id, app_code);
create index idx_workflow_children_child_workflow_id_app_code
  on stepbase.workflow_children (child_workflow_id, app_code);
create index idx_workflow_children_app_code on stepbase.workflow_children (app_code);
create index idx_workflow_children_parent_close_policy on stepbase.workflow_children (parent_close_policy);
create index idx_workflow_children_created_by on stepbase.workflow_children (created_by);

create function stepbase_private.called_workflow(p_node_type text, p_config jsonb)
returns text
language sql
immutable
set search_path = ''
as $$
  select case
    when p_node_type = 'child_workflow' then p_config ->> 'workflow'
    when p_node_type = 'for_each'
      and p_config #>> '{step,type}' = 'child_workflow'
      then p_config #>> '{step,config,workflow}'
  end;
$$;

comment on function stepbase_private.called_workflow(text, jsonb) is
  'Name or template of the workflow that a node, or each item of a for_each, starts; null if it starts none.';

create function stepbase_private.child_workflow_id(p_parent_workflow_id uuid, p_name text)
returns uuid
language sql
stable
set search_path = ''
as $$
  select coalesce(
    (
      select l.child_workflow_id from stepbase.workflow_children l
      where l.parent_workflow_id = p_parent_workflow_id
        and l.child_workflow_name = p_name
    ),
    (
      select c.id
      from stepbase.workflows p
      join stepbase.workflows c on c.app_code = p.app_code and c.deleted_at is null
      where p.id = p_parent_workflow_id and c.kebab_name = p_name
    )
  );
$$;

comment on function stepbase_private.child_workflow_id(uuid, text) is
  'Id of the workflow that a parent refers to by p_name: child_workflow_name in workflow_children, or else kebab_name; '
  'null if there is none.';

-- Security definer: reads names of workflows that the caller may not see.
create function stepbase_private.check_block_until()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
  if not new.block_until ? 'children' then
    return new;
  end if;
  if stepbase_private.json_schema_errors(
    '{"type": "array", "items": {"type": "string"}}', new.block_until -> 'children') <> '[]' then
    perform stepbase_private.raise_error('invalid_input', 'block_until.children must be an array of child names');
  end if;
  if exists (
    with recursive link as (
      select l.id, l.child_workflow_name, l.child_workflow_id, l.block_until
      from stepbase.workflow_children l
      where l.parent_workflow_id = new.parent_workflow_id and l.id <> new.id
      union all
      select new.id, new.child_workflow_name, new.child_workflow_id, new.block_until
    ),
    waits as (
      select l.id, b.id as for_id
      from link l
      cross join lateral jsonb_array_elements_text(coalesce(l.block_until -> 'children', '[]')) as c (name)
      join link b
        on c.name in (
          b.child_workflow_name,
          (select w.kebab_name from stepbase.workflows w where w.id = b.child_workflow_id)
        )
    ),
    reached as (
      select w.for_id from waits w where w.id = new.id
      union
      select w.for_id from reached r join waits w on w.id = r.for_id
    )
    select from reached r where r.for_id = new.id
  ) then
    perform stepbase_private.raise_error(
      'invalid_input',
      format('block_until.children: %s would wait for itself; remove the cycle', new.child_workflow_name)
    );
  end if;
  return new;
end;
$$;

comment on function stepbase_private.check_block_until() is
  'Trigger: raises SB422 invalid_input if block_until.children is not an array of names or makes a child wait for itself, '
  'directly or through others.';

create trigger workflow_children_check_block_until
  before insert or update of block_until, child_workflow_name on stepbase.workflow_children
  for each row when (new.block_until is not null)
  execute function stepbase_private.check_block_until();

create function stepbase_private.block_problems(p_workflow_id uuid, p_definition jsonb)
returns setof stepbase_private.definition_problem
language sql
stable
set search_path = ''
as $$
  with node as materialized (
    select
      d.node_id as id, d.place, d.downstream,
      format('/nodes/%s/data/config%s/workflow', n.rank - 1, case n.node ->> 'type' when 'for_each' then '/step/config' else '' end)
        as pointer,
      stepbase_private.called_workflow(n.node ->> 'type', n.node #> '{data,config}') as called
    from (
      -- Another check reports a definition without lists of nodes and edges.
      select case
        when jsonb_typeof(p_definition -> 'nodes') = 'array' and jsonb_typeof(p_definition -> 'edges') = 'array'
          then p_definition
        else '{"nodes": [], "edges": []}'
      end as definition
    ) g
    cross join lateral jsonb_array_elements(g.definition -> 'nodes') with ordinality n (node, rank)
    join lateral stepbase_private.downstream_steps(g.definition) d on d.node_id = n.node ->> 'id'
  ),
  -- Sets of steps are bit strings as in downstream_steps, so that pairs of steps need not be compared one by one.
  calls as materialized (
    select
      stepbase_private.child_workflow_id(p_workflow_id, n.called) as workflow_id,
      strpos(n.called, '{{') > 0 as is_template,
      bit_or(set_bit(n.downstream # n.downstream, n.place, 1)) as steps
    from node n
    where n.called is not null
    group by n.called
  ),
  awaited as materialized (
    select l.child_workflow_id, c.name, stepbase_private.child_workflow_id(p_workflow_id, c.name) as workflow_id
    from stepbase.workflow_children l
    cross join lateral jsonb_array_elements_text(coalesce(l.block_until -> 'children', '[]')) as c (name)
    where l.parent_workflow_id = p_workflow_id
      and l.child_workflow_id in (select k.workflow_id from calls k)
  ),
  starters as materialized (
    select a.workflow_id, bit_or(k.steps) as steps
    from (select distinct x.workflow_id from awaited x) a
    join calls k on k.is_template or k.workflow_id = a.workflow_id
    group by a.workflow_id
  )
  select
    n.id, n.pointer, 'child_never_starts',
    format('%s waits for the child %s (block_until), but no step starts that child before it', n.id, a.name), null
  from node n
  join awaited a on a.child_workflow_id = stepbase_private.child_workflow_id(p_workflow_id, n.called)
  left join starters s on s.workflow_id is not distinct from a.workflow_id
  -- No starter is left without this step and the steps after it.
  where coalesce(s.steps & ~set_bit(n.downstream, n.place, 1), n.downstream # n.downstream)
    = (n.downstream # n.downstream)
  order by n.place, a.name
  limit 100;
$$;

comment on function stepbase_private.block_problems(uuid, jsonb) is
  'One problem for each node whose child waits, by block_until, for a child that no step of the definition starts '
  'before it, at most 100.';

create trigger workflow_children_touch_updated_at before update on stepbase.workflow_children
  for each row execute function stepbase_private.touch_updated_at();
create trigger workflow_children_keep_identity before update on stepbase.workflow_children
  for each row execute function stepbase_private.refuse_column_change(
    'id', 'app_code', 'parent_workflow_id', 'child_workflow_id', 'created_at'
  );

alter table stepbase.workflow_children enable row level security;

grant select, delete,
  insert (id, app_code, parent_workflow_id, child_workflow_id, child_workflow_name, parent_close_policy,
    can_signal_parent, can_query_parent, block_until),
  update (child_workflow_name, parent_close_policy, can_signal_parent, can_query_parent, block_until)
on stepbase.workflow_children to authenticated;
grant select, insert, update, delete on stepbase.workflow_children to service_role;

create policy "Members read their children" on stepbase.workflow_children
  for select to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:read')));

create policy "Workflow writers create children" on stepbase.workflow_children
  for insert to authenticated
  with check (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:write')));

create policy "Workflow writers change children" on stepbase.workflow_children
  for update to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:write')))
  with check (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:write')));

create policy "Workflow writers delete children" on stepbase.workflow_children
  for delete to authenticated
  using (app_code = (select stepbase_private.app_code()) and (select stepbase_private.has_permission('workflow:write')));
