// The properties of the scope that an expression reads for certain.

import { deepEqual } from 'node:assert/strict';
import jsonata from 'jsonata';
import { scopePaths } from './scope-paths.ts';

const paths = (source: string) =>
  scopePaths(jsonata(source).ast()).map(({ names }) => names.join('.'));

Deno.test('paths are found in every part that has the scope in focus', () => {
  for (const [source, found] of [
    ['input.a.b', ['input.a.b']],
    ['"x" & $uppercase(steps.a.output.name)', ['steps.a.output.name']],
    ['{"x": [input.a, {"y": input.b}]}', ['input.a', 'input.b']],
    ['input.a > 1 ? steps.a : $$.steps.b', ['input.a', 'steps.a', 'steps.b']],
    ['($x := input.a; $.input.b & $x.c)', ['input.a', 'input.b']],
    ['$map(input.list, function($v) { input.rate * $v.price })', ['input.list', 'input.rate']],
    ['input.list^(price).name', ['input.list.name']],
    ['input.list[0].name ~> $trim', ['input.list.name']],
    ['a.$$.input.b', ['input.b']],
  ] as const) {
    deepEqual(paths(source), found, source);
  }
});

Deno.test('names that may be properties of another value are not found', () => {
  for (const [source, found] of [
    ['input.orders[steps.a > 1].total', ['input.orders.total']],
    ['input.orders.(steps.a)', ['input.orders']],
    ['input.orders.{"n": steps.a}', ['input.orders']],
    ['input.orders{steps.kind: $sum(steps.x)}', ['input.orders']],
    ['input.orders^(steps.a)', ['input.orders']],
    ['input.orders.$sum(steps.a)', ['input.orders']],
    ['input.orders@$o.steps.a', ['input.orders']],
    ['$x.steps.a', []],
    ['input.*.steps', ['input']],
    ['input ~> |orders|{"x": steps.a}|', ['input']],
  ] as const) {
    deepEqual(paths(source), found, source);
  }
});
