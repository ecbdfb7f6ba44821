// The steps that expressions and code read, found from their text; all steps when the text does not show it.

import assert from 'node:assert/strict';
import { analyseCode } from './code-analysis.ts';
import { compileExpression } from './jsonata.ts';

const reads = (expression: string): readonly string[] | 'all' =>
  compileExpression(expression).reads;

Deno.test('steps that the text names are found', () => {
  assert.deepEqual(reads('steps.a.output.b'), ['a']);
  assert.deepEqual(reads('steps.`my-id`.output'), ['my-id']);
  assert.deepEqual(reads('steps."my-id".output'), ['my-id']);
  assert.deepEqual(reads('$$.steps.a'), ['a']);
  assert.deepEqual(reads('$.steps.a'), ['a']);
  assert.deepEqual(reads('steps.b.output + steps.a.output'), ['a', 'b']);
  assert.deepEqual(reads('$map(input.items, function($v) { $v.x & steps.q.output })'), ['q']);
  assert.deepEqual(reads('input.items[price > $$.steps.limit.output]'), ['limit']);
  assert.deepEqual(reads('input.items^(steps.z.output)'), ['z']);
  assert.deepEqual(reads('input.items.(steps.b)'), ['b']);
  assert.deepEqual(reads('{"a": steps.a.output, steps.k.output: 1}'), ['a', 'k']);
  assert.deepEqual(reads('steps.a.output ? steps.b.output : steps.c.output'), ['a', 'b', 'c']);
  assert.deepEqual(reads('steps.a.output ~> $sum'), ['a']);
  assert.deepEqual(reads('steps.a.output ~> |items|{"n": $$.steps.b.output}|'), ['a', 'b']);
});

Deno.test('no step is found in text that names none', () => {
  assert.deepEqual(reads('input.steps.a'), []);
  assert.deepEqual(reads('"steps.a.output"'), []);
  assert.deepEqual(reads('input.items[$.x = 1].{"me": $}'), []);
  assert.deepEqual(reads('$map(input.items, $string)'), []);
  assert.deepEqual(reads('$now() & $random()'), []);
});

Deno.test('all steps count as read if the text does not show which', () => {
  for (const expression of [
    'steps',
    'steps.*',
    'steps[0]',
    'steps.(a)',
    '$keys(steps)',
    '$lookup(steps, input.name)',
    '$$',
    '$',
    '*',
    '**.output',
    '$lookup($$, "st" & "eps")',
    '$lookup("steps")',
    '$string()',
    '$each(function($v) { $v })',
    '$eval("steps.a")',
    'input.%.steps.a',
    '($x := $$; $x.steps.a)',
    '(steps)."x"',
  ]) {
    assert.equal(reads(expression), 'all', expression);
  }
});

Deno.test('a use of the context is found', () => {
  assert.equal(compileExpression('context.a').usesContext, true);
  assert.equal(compileExpression('$$').usesContext, true);
  assert.equal(compileExpression('input.context').usesContext, false);
});

Deno.test('secrets are found by name', () => {
  assert.deepEqual(compileExpression('"x" & secrets.b & secrets.a').secrets, ['a', 'b']);
  assert.equal(compileExpression('secrets.*').opaqueSecrets, true);
  assert.deepEqual(compileExpression('input.secrets.a').secrets, []);
});

Deno.test('steps that inline code names are found', () => {
  const of = (code: string) => {
    const { reads: ids, usesContext } = analyseCode(code);
    return [ids, usesContext];
  };
  assert.deepEqual(of('({ input }) => input.a'), [[], false]);
  assert.deepEqual(of('() => 1'), [[], false]);
  assert.deepEqual(of('({ steps }) => steps.a.output + steps["b-c"].output + steps?.d'), [
    ['a', 'b-c', 'd'],
    false,
  ]);
  assert.deepEqual(of('async ({ steps, context }) => context.x + steps.a'), [['a'], true]);
  assert.deepEqual(of('function run({ steps }) { return steps.a }'), [['a'], false]);
  for (const code of [
    '({ steps }) => Object.keys(steps)',
    '({ steps }) => steps[name]',
    '({ steps }) => { const { a } = steps; return a }',
    '({ steps: s }) => s.a',
    '({ ...rest }) => rest.steps.a',
    '(scope) => scope.steps.a',
    'function ({ input }) { return arguments[0].steps.a }',
    '({ steps }) => st\\u0065ps.a',
  ]) {
    assert.equal(analyseCode(code).reads, 'all', code);
  }
});
