-- Stored prompts in definitions: what a reference means, problems at publish, and the text that a version keeps.

begin;
set local search_path = public, extensions;
select plan(32);
select tests.create_rows();
select tests.create_workflow('tap-one', '00000000-0000-4000-8000-00000000d101');

insert into stepbase.agent_prompts (app_code, name, version, prompt_content, prompt_variables, visibility, created_at)
values
  ('tap-one', 'triage', '1.0.0', 'Sort {{ text }}', '{"text": {"type": "string"}}', 'private', now() - interval '2 days'),
  (
    'tap-one', 'triage', '2.0.0', 'Sort well: {{ text }}',
    '{"text": {"type": "string"}, "tone": {"type": "string", "default": "calm"}}', 'private', now() - interval '1 day'
  ),
  ('tap-one', 'free', '1.0.0', '{{ x }}', '{}', 'private', now()),
  ('tap-two', 'persona', '1.0.0', 'You are {{ name }}.', '{"name": {}}', 'organization', now()),
  ('tap-two', 'hidden', '1.0.0', 'No.', '{}', 'private', now()),
  ('tap-three', 'open', '1.0.0', 'Hi', '{}', 'public', now()),
  ('tap-three', 'theirs', '1.0.0', 'Hi', '{}', 'organization', now());

-- References.
create function pg_temp.means(p_reference text)
returns text
language sql
as $$
  select coalesce((
    select p.app_code || '/' || p.name || '@' || p.version from stepbase_private.prompt_for('tap-one', p_reference) p
  ), 'none');
$$;
select is(pg_temp.means(r.reference), r.meaning, format('%s means %s', r.reference, r.meaning))
from (
  values
    ('triage', 'tap-one/triage@2.0.0'), ('triage@1.0.0', 'tap-one/triage@1.0.0'), ('triage@3.0.0', 'none'),
    ('triage@latest', 'none'), ('persona', 'none'), ('tap-two/persona', 'tap-two/persona@1.0.0'),
    ('tap-two/hidden', 'none'), ('tap-three/open@1.0.0', 'tap-three/open@1.0.0'), ('tap-three/theirs', 'none')
) r (reference, meaning);
update stepbase.agent_prompts set deprecated = true where name = 'triage' and version = '2.0.0';
select is(pg_temp.means('triage'), 'tap-one/triage@1.0.0', 'a deprecated version is not the newest one');
select is(pg_temp.means('triage@2.0.0'), 'tap-one/triage@2.0.0', 'but can be named');
update stepbase.agent_prompts set deprecated = false where name = 'triage' and version = '2.0.0';

-- Problems.
create function pg_temp.definition(p_config jsonb)
returns jsonb
language sql
as $$
  select jsonb_build_object('nodes', jsonb_build_array(jsonb_build_object(
    'id', 'ask', 'type', 'llm_call', 'data', jsonb_build_object('config', '{"model": "m"}'::jsonb || p_config)
  )), 'edges', '[]'::jsonb);
$$;
create function pg_temp.problems(p_definition jsonb)
returns text
language sql
as $$
  select coalesce(string_agg(concat_ws(' ', p.pointer, p.code, p.hint), ', ' order by p.pointer, p.code), 'valid')
  from stepbase_private.definition_problems(p_definition, 'tap-one') p;
$$;
select is(pg_temp.problems(pg_temp.definition(d.config)), d.answer, d.what)
from (
  values
    ('all variables', 'valid', '{"prompt_name": "triage", "variables": {"text": "{{ input.text }}", "tone": "loud"}}'::jsonb),
    ('a default for the missing one', 'valid', '{"prompt_name": "triage", "variables": {"text": "x"}}'),
    ('a template for all variables is checked at run time', 'valid', '{"prompt_name": "triage", "variables": "{{ input }}"}'),
    ('a prompt that declares none accepts every variable', 'valid', '{"prompt_name": "free", "variables": {"x": 1}}'),
    (
      'two prompts share the variables', 'valid',
      '{"prompt_name": "triage", "system_prompt_name": "tap-two/persona", "variables": {"text": "x", "name": "y"}}'
    ),
    ('an unknown prompt', '/nodes/0/data/config/prompt_name unknown_prompt did you mean triage?', '{"prompt_name": "triag"}'),
    ('a name from a template', '/nodes/0/data/config/prompt_name invalid_config', '{"prompt_name": "{{ input.name }}"}'),
    ('a missing variable', '/nodes/0/data/config/variables/text invalid_prompt_variables', '{"prompt_name": "triage"}'),
    (
      'a literal of a wrong type', '/nodes/0/data/config/variables/text invalid_prompt_variables',
      '{"prompt_name": "triage", "variables": {"text": 1}}'
    ),
    (
      'a variable that is not declared',
      '/nodes/0/data/config/variables/tome invalid_prompt_variables did you mean tone?',
      '{"prompt_name": "triage", "variables": {"text": "x", "tome": "loud"}}'
    ),
    ('variables of no prompt', '/nodes/0/data/config/variables invalid_config', '{"prompt": "x", "variables": {"a": 1}}'),
    (
      'two system messages', '/nodes/0/data/config/system invalid_config',
      '{"prompt": "x", "system": "y", "system_prompt_name": "free"}'
    )
) d (what, answer, config);
select is(
  pg_temp.problems('{"nodes": [{"id": "a", "type": "for_each", "data": {"config": {"items": [], "step":
    {"type": "llm_call", "config": {"model": "m", "prompt_name": "no"}}}, "compensate":
    {"type": "llm_call", "config": {"model": "m", "prompt_name": "nor"}}}}], "edges": []}'),
  '/nodes/0/data/compensate/config/prompt_name unknown_prompt, /nodes/0/data/config/step/config/prompt_name unknown_prompt',
  'the step of a for_each and a compensation are checked, too'
);
select is(
  tests.attempt('developer', $$insert into stepbase.agent_prompts (app_code, name, prompt_content, prompt_variables)
    values ('tap-one', 'broken', 'x', '{"a": {"type": "text"}}')$$),
  'SB422', 'the declared variables are JSON Schemas'
);

-- Pins.
select tests.become('developer');
create temporary table saved as
select (stepbase.save_workflow('asks', pg_temp.definition(
  '{"prompt_name": "triage", "system_prompt_name": "tap-two/persona", "variables": {"text": "x", "name": "y"}}'
))).id as version_id;
select tests.leave();
create function pg_temp.pinned()
returns jsonb
language sql
as $$ select l.prompts from saved s cross join stepbase_engine.load_plans(array[s.version_id]) l; $$;
select is(pg_temp.pinned(), null, 'a draft keeps no prompt');
select tests.perform_as('developer', format('select stepbase.publish_workflow(%L)', s.version_id)) from saved s;
select is(
  pg_temp.pinned(),
  '{"triage": {"version": "2.0.0", "content": "Sort well: {{ text }}",
    "variables": {"text": {"type": "string"}, "tone": {"type": "string", "default": "calm"}}},
    "tap-two/persona": {"version": "1.0.0", "content": "You are {{ name }}.", "variables": {"name": {}}}}',
  'a published version keeps its prompts'
);
create temporary table before as select pg_temp.pinned() as prompts;
insert into stepbase.agent_prompts (app_code, name, version, prompt_content) values ('tap-one', 'triage', '3.0.0', 'New');
update stepbase.agent_prompts set prompt_content = 'Changed', prompt_variables = '{}' where name = 'triage';
update stepbase.agent_prompts set visibility = 'private', deprecated = true where name = 'persona';
select is(pg_temp.pinned(), b.prompts, 'a newer version and a changed prompt do not change it') from before b;
delete from stepbase.agent_prompts where name in ('triage', 'persona');
select is(pg_temp.pinned(), b.prompts, 'nor does a prompt that is deleted') from before b;
select is_empty(
  $$select from stepbase_engine.pinned_prompts p join saved s on s.version_id = p.workflow_version_id where p.prompt_id is not null$$,
  'whose row it forgets'
);
update stepbase.agent_prompts set deprecated = true where name = 'free';
select is(
  stepbase_private.check_context('tap-one', null, pg_temp.definition('{"prompt_name": "free"}'), null) -> 'deprecatedPrompts',
  '["free"]', 'the checker learns which prompts are deprecated'
);
select is(
  stepbase_private.check_context('tap-one', null, pg_temp.definition('{"prompt": "x"}'), null) -> 'deprecatedPrompts',
  '[]', 'a definition without prompts has none'
);

select * from finish();
rollback;
