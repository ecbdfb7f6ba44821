-- Components in definitions: which one a name means, and that a published version keeps it.

begin;
set local search_path = public, extensions;
select plan(30);
select tests.create_people();

create function pg_temp.component(p_app text, p_name text, p_visibility text, p_version text default '1.0.0')
returns uuid
language sql
as $$
  insert into stepbase.components (
    app_code, name, version, implementation_type, endpoint, visibility, retry_count, created_by
  )
  values (p_app, p_name, p_version, 'service_task', format('https://%s.example/%s', coalesce(p_app, 'all'), p_version),
    p_visibility, 2, null)
  returning id;
$$;
-- The owner of a component: its application, or all.
create function pg_temp.owner(p_component_id uuid)
returns text
language sql
as $$
  select coalesce(c.app_code, 'all') || ' ' || c.version from stepbase.components c where c.id = p_component_id;
$$;
create function pg_temp.means(p_app text, p_reference text)
returns text
language sql
as $$ select pg_temp.owner(stepbase_private.component_for(p_app, p_reference)); $$;

select pg_temp.component('tap-one', 'rates', 'public');
select pg_temp.component('tap-one', 'audit', 'organization');
select pg_temp.component('tap-one', 'inner', 'private');
select pg_temp.component(null, 'clock', 'public');

select is(pg_temp.means('tap-one', 'rates'), 'tap-one 1.0.0', 'a plain name means the own component');
select is(pg_temp.means('tap-one', 'tap-one/inner'), 'tap-one 1.0.0', 'the own application may be named');
select is(pg_temp.means('tap-three', 'clock'), 'all 1.0.0', 'a plain name means a component shared with all');
select is(pg_temp.means('tap-three', 'rates'), null, 'a plain name never means a public component of others');
select is(pg_temp.means('tap-two', 'audit'), null, 'nor one of the organization');
select is(pg_temp.means('tap-three', 'tap-one/rates'), 'tap-one 1.0.0', 'app/name means a public component');
select is(pg_temp.means('tap-two', 'tap-one/audit'), 'tap-one 1.0.0', 'app/name means one of the organization');
select is(pg_temp.means('tap-three', 'tap-one/audit'), null, 'the organization is checked');
select is(pg_temp.means('tap-two', 'tap-one/inner'), null, 'a private component stays private');
select is(pg_temp.means('tap-two', 'tap-one/clock'), null, 'a component shared with all belongs to no application');
select is(pg_temp.means('tap-two', 'tap-one/x/rates'), null, 'a name has at most one slash');
select pg_temp.component('tap-two', 'clock', 'private');
select is(pg_temp.means('tap-two', 'clock'), 'tap-two 1.0.0', 'the own component comes before a shared one');

-- A version of tap-three that uses foreign components at all three places.
create temporary table made as
select tests.perform_as('foreigner', $$select (stepbase.save_workflow('prices', '{"nodes": [
    {"id": "one", "type": "service_task", "data": {"config": {"component": "tap-one/rates"},
      "compensate": {"type": "service_task", "config": {"component": "tap-one/rates"}}}},
    {"id": "each", "type": "for_each", "data": {"config": {"items": [1],
      "step": {"type": "service_task", "config": {"component": "tap-one/rates"}}}}}],
  "edges": []}')).id$$)::uuid as id;

create function pg_temp.pins()
returns text
language sql
as $$
  select string_agg(distinct pg_temp.owner(x.component_id), ', ')
  from made m
  join stepbase.workflow_nodes n on n.workflow_version_id = m.id
  cross join lateral stepbase_engine.node_components(n) x;
$$;
select is(pg_temp.pins(), 'tap-one 1.0.0', 'a draft names its components');
update stepbase.components set deprecated = true where name = 'rates';
select pg_temp.component('tap-one', 'rates', 'public', '2.0.0');
select tests.perform_as('foreigner', format('select (stepbase.publish_workflow(%L)).status', (select id from made)));
select is(pg_temp.pins(), 'tap-one 2.0.0', 'publishing resolves the names again');
select is(
  (
    select count(*) from stepbase.workflow_nodes n
    where n.workflow_version_id = (select id from made)
      and n.item_component_id is null = (n.node_id <> 'each')
      and n.compensation_component_id is null = (n.node_id <> 'one')
      and n.component_id is null = (n.node_id <> 'one')
  ),
  2::bigint, 'the step, the step of the for_each and the compensation are pinned'
);

-- Others and the owner publish components of the same name.
select pg_temp.component('tap-three', 'rates', 'public', '9.0.0');
select pg_temp.component('tap-two', 'rates', 'public', '9.0.0');
select pg_temp.component('tap-one', 'rates', 'public', '3.0.0');

create function pg_temp.loaded(p_field text)
returns text
language sql
as $$
  select string_agg(distinct x.component ->> p_field, ', ')
  from made m
  cross join lateral stepbase_engine.load_plans(array[m.id]) p
  cross join lateral jsonb_array_elements(p.nodes) n (node)
  cross join lateral (
    values (n.node -> 'component'), (n.node -> 'undo_component')
  ) x (component)
  where x.component <> 'null';
$$;
select is(pg_temp.loaded('version'), '2.0.0', 'a published version runs the components it was published with');
select is(pg_temp.loaded('endpoint'), 'https://tap-one.example/2.0.0', 'at their endpoint');
select is(pg_temp.loaded('is_active'), 'true', 'they are active');

-- What explain says.
create function pg_temp.warnings()
returns text
language sql
as $$
  select string_agg(w.node_id || ' ' || w.code, ', ' order by w.node_id, w.code)
  from stepbase_engine.component_warnings((select id from made)) w;
$$;
select is(pg_temp.warnings(), null, 'explain has no warning about unchanged components');
select is(
  (
    select string_agg(c.component ->> 'part' || ' ' || (c.component ->> 'app_code') || ' ' || (c.component ->> 'version'), ', '
      order by c.component ->> 'part')
    from jsonb_array_elements(stepbase_engine.explain_nodes((select id from made))) n (node)
    cross join lateral jsonb_array_elements(n.node -> 'components') c (component)
  ),
  'compensation tap-one 2.0.0, item tap-one 2.0.0, step tap-one 2.0.0', 'explain shows what is pinned'
);
update stepbase.components set endpoint = 'https://elsewhere.example/' where app_code = 'tap-one' and version = '2.0.0';
select is(
  pg_temp.warnings(),
  'each component_endpoint_changed, one component_endpoint_changed, one component_endpoint_changed',
  'explain warns when the endpoint has changed'
);
update stepbase.components set endpoint = 'https://tap-one.example/2.0.0' where app_code = 'tap-one' and version = '2.0.0';

-- Components that can no longer be used: the pin stays and the step fails.
create function pg_temp.after(p_change text)
returns text
language plpgsql
as $$
declare
  v_answer text;
begin
  begin
    execute p_change || $q$ where app_code = 'tap-one' and name = 'rates' and version = '2.0.0'$q$;
    v_answer := concat_ws(' ', pg_temp.loaded('version'), pg_temp.loaded('is_active'), pg_temp.warnings());
    raise exception using errcode = 'TAP00';
  exception when sqlstate 'TAP00' then
    return v_answer;
  end;
end;
$$;
select is(
  pg_temp.after('update stepbase.components set is_active = false'),
  '2.0.0 false each component_unavailable, one component_unavailable, one component_unavailable', 'deactivated'
);
select matches(pg_temp.after('update stepbase.components set deleted_at = now()'), '^2.0.0 false .*unavailable', 'soft-deleted');
select matches(pg_temp.after($$update stepbase.components set visibility = 'private'$$), '^2.0.0 false .*unavailable', 'no longer shared');
select is(
  pg_temp.after('delete from stepbase.components'),
  'each component_unavailable, one component_unavailable, one component_unavailable',
  'deleted: no other component of the name takes its place'
);
update stepbase.applications set deleted_at = now() where app_code = 'tap-one';
select is(pg_temp.loaded('is_active'), 'false', 'of a deleted application');
update stepbase.applications set deleted_at = null where app_code = 'tap-one';

-- Retries of the step, the items and the compensation come from the pinned component.
select is(
  (
    select array_agg(distinct stepbase_engine.retry_policy(s, n) ->> 'max_attempts')
    from stepbase.workflow_nodes n
    cross join (values (0), (1), (-1)) i (item_index)
    cross join lateral (
      select (jsonb_populate_record(null::stepbase.step_runs,
        jsonb_build_object('app_code', 'tap-three', 'item_index', i.item_index))).*
    ) s
    where n.workflow_version_id = (select id from made) and n.node_id = case i.item_index when 1 then 'each' else 'one' end
  ),
  array['3'], 'retry_count is that of the pinned component'
);

-- An unknown component is a problem at all three places.
select is(
  (
    select string_agg(p.node || ' ' || p.code, ', ' order by p.node)
    from stepbase_private.definition_problems('{"nodes": [
      {"id": "a", "type": "service_task", "data": {"config": {"component": "rates-of-others"}}},
      {"id": "b", "type": "for_each", "data": {"config": {"items": [1],
        "step": {"type": "service_task", "config": {"component": "tap-two/nothing"}}}}},
      {"id": "c", "type": "transform", "data": {"config": {"expression": "1"},
        "compensate": {"type": "service_task", "config": {"component": "tap-one/inner"}}}}],
      "edges": []}', 'tap-three') p
  ),
  'a unknown_component, b unknown_component, c unknown_component', 'an unusable component cannot be published, wherever it stands'
);
select is(
  tests.attempt('foreigner', format('update stepbase.workflow_nodes set component_id = null where workflow_version_id = %L',
    (select id from made))),
  '42501', 'clients do not write pins'
);
select is(
  tests.attempt('owner', format('update stepbase.workflow_nodes set item_component_id = null where workflow_version_id = %L',
    (select id from made))),
  'SB424', 'nor does the owner, directly'
);

select * from finish();
rollback;
