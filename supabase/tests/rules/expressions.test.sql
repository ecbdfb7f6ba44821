-- The analysis of expressions finds the same as before, and its time is linear in the length of the text.

begin;
set local search_path = public, extensions;
select plan(98);

select is(stepbase_private.template_expressions(c.source), c.found::text[], c.source)
from (
  values
    ('no template', '{}'),
    ('a {{ b }} c {{d}}', '{" b ",d}'),
    ('{{ {"a": 1} }}', '{" {\"a\": 1} "}'),
    ('{{ {"a": {"b": 1}}}} x {{ c }}', '{" {\"a\": {\"b\": 1}}"," c "}'),
    ('{{ "}}" & ''}}'' & `}}` }} {{ z }}', '{" \"}}\" & ''}}'' & `}}` "," z "}'),
    ('{{ "\"}}" }}', '{" \"\\\"}}\" "}'),
    ('{{ "a\\" }} {{ b }}', '{" \"a\\\\\" "," b "}'),
    ('{{ open', '{" open"}'),
    ('{{ "open }}', '{" \"open }}"}'),
    ('{{', '{""}'),
    ('{{{ a }}} b', '{"{ a }"}'),
    ('{ {a} } {{ü}}', '{ü}')
) c (source, found);

select is(stepbase_private.referenced_steps(c.source), c.found::text[], c.source)
from (
  values
    ('steps.a.output + steps.`b-c`.output', '{a,b-c}'),
    ('steps["a"].output', '{*}'),
    ('steps.`x y`', '{"x y"}'),
    ('$$.steps.a', '{a}'),
    ('other.steps.a', '{}'),
    ('$keys(steps)', '{*}'),
    ('"steps.a" & ''steps.b'' /* steps.c */', '{}'),
    ('steps ? "a" : "b"', '{*}'),
    ('`text steps.a` & "steps".b', '{b}'),
    ('$contains(input.a, /"/) and steps.b.output = "steps.c"', '{b}'),
    ('input.a and /steps.a/ & steps.b', '{*}'),
    ('steps.a & "open steps.b', '{*,a}'),
    ('/* open steps.b', '{*}'), ('input.a and /b/', '{*}'), ('$split(input.a, /x"/) & "', '{*}'),
    ('''open \', '{}'), ('''open steps.a \', '{*}'),
    ('a / b * c', '{}'),
    ('a.$$.steps.b.output', '{b}'),
    ('x[$.steps.c]', '{c}'),
    ('$steps.a & mysteps.b & steps_c.d & stepsx', '{}'),
    ('1+steps.a.output.steps.b-steps.c', '{a,c}'),
    ('f(steps).steps.a', '{*,a}'),
    ('$x.steps.a', '{a}'),
    ('$$ ~> $keys', '{*}'),
    ('input.items[$ > 3]', '{}'),
    ('input.items.$sum(price) * $max($.input.b)', '{}'),
    ('$keys() + $now()', '{*}')
) c (source, found);

select is(stepbase_private.referenced_steps(c.source, 'javascript'), c.found::text[], c.source)
from (
  values
    ('({ steps }) => steps.a.output + steps["b-c"].output + steps?.d', '{a,b-c,d}'),
    ('async ({ steps, context }) => context.x + steps.a', '{a}'),
    ('({ input }) => input.steps.a', '{}'),
    ('({ steps }) => { let sum = 0; for (const id of ["a", "b"]) sum += steps[id].output.v; return sum; }', '{*}'),
    ('({ steps }) => Object.keys(steps)', '{*}'),
    ('(scope) => scope.steps.a', '{*}'),
    ('({ steps: s }) => s.a', '{*}'),
    ('function run({ input }) { return arguments[0].steps.a }', '{*}')
) c (source, found);

-- A reference is refused only if the text shows without doubt that a step of the run is read.
select is(
  array(select r.step from stepbase_private.read_steps(c.source, c.language) r where r.is_certain order by r.step),
  c.certain::text[], c.source
)
from (
  values
    ('jsonata', 'steps.a.output & $uppercase(steps.b.output)', '{a,b}'),
    ('jsonata', 'steps.a.output[0].x + $.steps.b.output + $$.steps.c.output', '{a,b,c}'),
    ('jsonata', '{"x": [steps.a.output, {"y": steps.b.output}]}', '{a,b}'),
    ('jsonata', 'steps.a.output.items[steps.b > 1]', '{a}'),
    ('jsonata', 'input.orders.{"steps": steps.count}', '{}'),
    ('jsonata', 'input.orders.(steps.count)', '{}'),
    ('jsonata', 'input.orders^(steps.count)', '{}'),
    ('jsonata', 'input.orders.$sum(steps.count)', '{}'),
    ('jsonata', 'input.orders{steps.kind: $}', '{}'),
    ('jsonata', '$x.steps.a', '{}'),
    ('jsonata', '$match(input.a, /steps.b/) & steps.a.output', '{a}'),
    ('jsonata', 'input.a = 1 and /steps.b/', '{}'),
    ('jsonata', 'input . steps.b', '{}'),
    ('javascript', '({ steps }) => steps.a.output.x + steps?.b?.output + steps[''c''].output', '{a,b,c}'),
    ('javascript', '({ steps }) => steps.a.output + " steps.b.output " /* steps.c.output */', '{a}'),
    ('javascript', '({ steps }) => `see steps.a.output`', '{}'),
    ('javascript', '({ steps }) => /steps.a.output/.test("")', '{}'),
    ('javascript', '({ steps }) => steps.hasOwnProperty("a")', '{}'),
    ('javascript', '({ input, steps }) => { for (const id of input) { steps[id] } return steps.a.output }', '{}'),
    ('javascript', '({ input }) => input.map((steps) => steps.a.output)', '{}')
) c (language, source, certain);

select is(stepbase_private.names_secrets(c.source), c.found, c.source)
from (
  values
    ('secrets.key', true), ('"secrets.key"', false), ('/* secrets */ 1', false), ('"open secrets.key', true), ('my.secrets', false),
    ('`secrets`.key', true), ('$$.secrets.key', true), ('$secrets & mysecrets', false), ('a & secrets', true)
) c (source, found);

-- Eight times the text takes about eight times the time; quadratic time would be 64 times.
create function pg_temp.growth(p_piece text, p_prefix text) returns numeric language plpgsql as $$
declare
  v_begun timestamptz;
  v_short numeric;
  v_text text;
  v_found text[];
begin
  foreach v_text in array array[
    p_prefix || repeat(p_piece, 8000 / length(p_piece)), p_prefix || repeat(p_piece, 8000 / length(p_piece)),
    p_prefix || repeat(p_piece, 64000 / length(p_piece))
  ] loop
    v_begun := clock_timestamp();
    v_found := stepbase_private.template_expressions(v_text);
    perform stepbase_private.referenced_steps(v_text), stepbase_private.names_secrets(v_text);
    if length(v_text) < 20000 then
      v_short := extract(epoch from clock_timestamp() - v_begun) + 0.02;
    end if;
  end loop;
  return extract(epoch from clock_timestamp() - v_begun) / v_short;
end;
$$;
select cmp_ok(pg_temp.growth(c.piece, c.prefix), '<', 24::numeric, format('%s, then many %s', c.prefix, c.piece))
from (
  values
    ('ü', '{{ '), ('"', '{{ '), ('\"', '{{ "'), ('/*', '{{ '), ('steps.a ', '{{ '), ('{', '{{ '), ('{{a}}', ''),
    ('{{"', ''), (' ', '{{ steps'), ('`', '{{ steps.'), ('}{{', '{{'), ('(', '{{ steps.a '), ('/', '{{ steps.a '),
    ('(/', '{{ steps.a '), ('=/a', 'steps.a ')
) c (piece, prefix);

-- A definition with one node that has the given texts.
create function pg_temp.problems(p_texts jsonb) returns text language sql as $$
  select string_agg(distinct p.code, ',')
  from stepbase_private.structure_problems(jsonb_build_object('edges', '[]'::jsonb, 'nodes', jsonb_build_array(
    jsonb_build_object('id', 'a', 'type', 'transform', 'data', jsonb_build_object('config', p_texts))))) p;
$$;
select is(pg_temp.problems(c.texts), c.code, c.name)
from (
  values
    ('an ordinary definition', '{"expression": "{{ input.a }}"}'::jsonb, null),
    ('a text of 65536 characters', jsonb_build_object('expression', repeat('ü', 65536)), null),
    ('a text of 65537 characters', jsonb_build_object('a', jsonb_build_array(repeat('ü', 65537))), 'too_large'),
    (
      'texts of more than 1048576 characters together',
      (select jsonb_agg(repeat('a', 60000)) from generate_series(1, 18)), 'too_large'
    ),
    (
      'texts of more than 131072 quotes together',
      (select jsonb_agg(repeat('"', 60000)) from generate_series(1, 3)), 'too_large'
    ),
    (
      'a definition of more than 4 MB',
      (select jsonb_object_agg('k' || n, n::numeric / 7) from generate_series(1, 150000) n), 'too_large'
    )
) c (name, texts, code);

select * from finish();
rollback;
