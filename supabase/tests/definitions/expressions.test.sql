-- Static analysis finds the steps and secrets that an expression reads.

begin;
set local search_path = public, extensions;
select plan(30);

select is(stepbase_private.referenced_steps(s.expression), s.answer::text[], s.expression)
from (
  values
    ('steps.a.output', '{a}'),
    ('steps.a.output + steps.b.output.x + steps.a.output', '{a,b}'),
    ('steps.`a-b`.output', '{a-b}'),
    ('steps."a-b".output', '{a-b}'),
    ('steps["a"].output', '{*}'),
    ('$$.steps.a.output', '{a}'),
    ('input.steps.a', '{}'),
    ('"steps.a"', '{}'),
    ('"a \" steps.a"', '{}'),
    ('/* steps.a */ 1', '{}'),
    ('mysteps.a', '{}'),
    ('$keys(steps)', '{*}'),
    ('steps.*.output', '{*}'),
    ('steps ~> $keys', '{*}')
) s (expression, answer);
select is(stepbase_private.names_secrets(s.expression), s.answer, s.expression)
from (
  values
    ('secrets.key', true),
    ('"Bearer " & secrets.key', true),
    ('$base64encode(secrets.`my-key`)', true),
    ('$$.secrets.key', true),
    ('`secrets`.key', true),
    ('"secrets.key"', false),
    ('/* secrets.key */ 1', false),
    ('input.secrets.key', false),
    ('$secrets.key', false),
    ('mysecrets.key & secrets_of.key', false)
) s (expression, answer);
select is(stepbase_private.template_expressions(s.source), s.answer::text[], s.source)
from (
  values
    ('no template', '{}'),
    ('{{ a }} and {{ b }}', '{" a "," b "}'),
    ('{{ {"x": {"y": 1}} }}!', '{" {\"x\": {\"y\": 1}} "}'),
    ('{{ "}}" }}', '{" \"}}\" "}'),
    ('{{ never closed', '{" never closed"}')
) s (source, answer);
select is(
  (
    select array_agg(e.language || ': ' || e.expression order by e.language)
    from stepbase_private.config_expressions(
      'inline_code', '{"code": "({ steps, input }) => steps.a", "other": "{{ input.b }}"}'
    ) e
  ),
  array['javascript: ({ steps, input }) => steps.a', 'jsonata:  input.b '], 'expressions have their language'
);

select * from finish();
rollback;
