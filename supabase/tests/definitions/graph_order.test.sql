-- Which steps follow another: equal to a plain search on random graphs, and quick for the largest definitions.

begin;
set local search_path = public, extensions;
select plan(6);
select tests.create_people();

-- The plain meaning: a search from each step.
create function pg_temp.paths(definition jsonb)
returns table (source text, target text)
language sql
as $$
  with recursive edges as (
    select e.edge ->> 'source' as source, e.edge ->> 'target' as target
    from jsonb_array_elements(definition -> 'edges') e (edge)
  ),
  paths as (
    select e.source, e.target from edges e
    union
    select p.source, e.target from paths p join edges e on e.source = p.target
  )
  select * from paths;
$$;

create function pg_temp.graph(nodes int, edges jsonb, workflows text[] default '{x}')
returns jsonb
language sql
as $$
  select jsonb_build_object(
    'nodes', (
      select jsonb_agg(
        jsonb_build_object('id', 's' || n, 'type', 'child_workflow',
          'data', jsonb_build_object('config', jsonb_build_object('workflow', workflows[1 + n % cardinality(workflows)])))
        order by md5(n::text)
      )
      from generate_series(1, nodes) n
    ),
    'edges', coalesce(edges, '[]')
  );
$$;

-- Edges lead from a lower to a higher number, so that there is no cycle.
create temporary table graphs as
select g.seed, g.nodes, pg_temp.graph(g.nodes, (
  select jsonb_agg(jsonb_build_object('id', a || '-' || b, 'source', 's' || a, 'target', 's' || b))
  from generate_series(1, g.nodes) a
  cross join generate_series(1, g.nodes) b
  where a < b and abs(hashtextextended(format('%s %s', a, b), g.seed)) % 100 < g.density
), string_to_array('other waits waits starts waits waits other other waits {{input}} waits starts', ' ')) as definition
from (
  select seed, 1 + (seed % 14)::int as nodes, (array[5, 15, 30, 60])[1 + seed % 4] as density
  from generate_series(1, 80) seed
) g;

select is_empty(
  $$select g.seed
    from graphs g
    cross join lateral (
      (
        select p.source, p.target from pg_temp.paths(g.definition) p
        except all
        select s.node_id, t.node_id
        from stepbase_private.downstream_steps(g.definition) s
        join stepbase_private.downstream_steps(g.definition) t on get_bit(s.downstream, t.place) = 1
      )
      union all
      (
        select s.node_id, t.node_id
        from stepbase_private.downstream_steps(g.definition) s
        join stepbase_private.downstream_steps(g.definition) t on get_bit(s.downstream, t.place) = 1
        except all
        select p.source, p.target from pg_temp.paths(g.definition) p
      )
    ) d$$,
  'the steps after each step are those that a search finds'
);
select is_empty(
  $$select g.seed from graphs g
    where g.nodes <> (select count(*) from stepbase_private.downstream_steps(g.definition))$$,
  'every step has a row'
);

-- A step that waits for a child needs a step that starts the child and is not after it.
insert into stepbase.workflows (id, app_code, kebab_name, name)
select md5(n.name)::uuid, 'tap-one', n.name, n.name
from (values ('parent'), ('waits'), ('starts'), ('other')) n (name);
insert into stepbase.workflow_children (
  app_code, parent_workflow_id, child_workflow_id, child_workflow_name, block_until
)
values
  ('tap-one', md5('parent')::uuid, md5('waits')::uuid, 'waits', '{"children": ["starts"]}'),
  ('tap-one', md5('parent')::uuid, md5('starts')::uuid, 'starts', null);
create function pg_temp.blocked(definition jsonb)
returns setof text
language sql
as $$
  with node as (
    select n.node ->> 'id' as id, n.node #>> '{data,config,workflow}' as called
    from jsonb_array_elements(definition -> 'nodes') n (node)
  )
  select n.id
  from node n
  where n.called = 'waits' and not exists (
    select 1 from node o
    where o.id <> n.id and (o.called = 'starts' or o.called like '%{{%')
      and not exists (select 1 from pg_temp.paths(definition) p where p.source = n.id and p.target = o.id)
  );
$$;
select is_empty(
  $$select g.seed
    from graphs g
    where array(select b from pg_temp.blocked(g.definition) b order by 1)
      <> array(
        select p.node from stepbase_private.block_problems(md5('parent')::uuid, g.definition) p order by 1
      )$$,
  'the children that never start are those that a search finds'
);
select cmp_ok(
  (select count(*) from graphs g cross join lateral pg_temp.blocked(g.definition)), '>', 20::bigint,
  'the graphs have such children'
);

-- The largest definitions: a chain, and as many edges as are allowed.
create temporary table large as
select l.name, pg_temp.graph(2000, (
  select jsonb_agg(jsonb_build_object('id', a || '-' || b, 'source', 's' || a, 'target', 's' || b))
  from generate_series(1, 2000) a
  cross join generate_series(a + 1, least(a + l.edges, 2000)) b
), array['waits', 'starts']) as definition
from (values ('chain', 1), ('dense', 5)) l (name, edges);
-- A search for each step takes minutes.
set local statement_timeout = '30s';
select is(
  (select count(*) from stepbase_private.block_problems(md5('parent')::uuid, l.definition)), 0::bigint,
  format('%s: a step before each one starts the child', l.name)
)
from large l;

select * from finish();
rollback;
