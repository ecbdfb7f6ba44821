// JSONata of tenants: values as plain JSON, and a limit for every way to use too much time or memory.

import assert from 'node:assert/strict';
import { ExpressionError, type ExpressionErrorCode } from './errors.ts';
import { compileExpression, evaluate, type Scope } from './jsonata.ts';

const scope: Scope = {
  input: { n: 2, items: [{ x: 1 }, { x: 2 }], text: 'a-b-c', one: [1] },
  steps: { a: { output: { list: [3, 1, 2] } } },
  context: {},
  run: { id: 'r' },
};

const run = (expression: string): Promise<unknown> => evaluate(expression, scope);

async function codeOf(expression: string): Promise<ExpressionErrorCode> {
  try {
    await run(expression);
  } catch (error) {
    if (error instanceof ExpressionError) return error.code;
    throw error;
  }
  throw new Error(`${expression} was expected to fail`);
}

Deno.test('values are returned as plain JSON', async () => {
  assert.deepEqual(await run('input.items.x'), [1, 2]);
  assert.deepEqual(await run('$sort(steps.a.output.list)'), [1, 2, 3]);
  assert.deepEqual(await run('input.items.{"y": x}'), [{ y: 1 }, { y: 2 }]);
  assert.equal(await run('input.missing.deeper'), undefined);
  assert.equal(await run('function($x) { $x }'), undefined);
  assert.deepEqual(await run('[function($x) { $x }, 1]'), [null, 1]);
  const result = await run('input.items');
  assert.equal(Object.getPrototypeOf((result as unknown[])[0]), Object.prototype);
});

Deno.test('NaN and Infinity as a result are errors', async () => {
  for (const expression of [
    'input.n / 0',
    '-input.n / 0',
    '0 / 0',
    '{"a": [1, {"b": input.n / 0}]}',
    'input.items.(x / 0)',
  ]) {
    assert.equal(await codeOf(expression), 'number_not_finite', expression);
  }
  assert.equal(await run('input.n / 0 > 5'), true);
});

Deno.test('text has numbers as $string writes them, with all digits of an integer', async () => {
  const big: Scope = { ...scope, input: { id: '7615917337495251231', near: 9007199254740991 } };
  const near = 'near " & input.near & " and " & $string(input.near)';
  assert.equal(await evaluate(`"${near}`, big), 'near 9007199254740991 and 9007199254740991');
  assert.equal(await evaluate('"id " & input.id', big), 'id 7615917337495251231');
  await assert.rejects(evaluate('input.id + 1', big), { code: 'expression_failed' });
  await assert.rejects(evaluate('input.id > 5', big), { code: 'expression_failed' });
});

Deno.test('a plain path has the same value as in JSONata', async () => {
  for (const path of [
    'input',
    'input.n',
    'input.items',
    'input.items.x',
    'input.one',
    'input.text.length',
    'run.id',
    'input.__proto__',
    'input.constructor',
    'nothing.at.all',
  ]) {
    // Parentheses keep the expression from being a plain path.
    assert.deepEqual(await run(path), await run(`(${path})`), path);
  }
});

Deno.test('regular expressions work', async () => {
  assert.equal(await run('$replace(input.text, /-/, "+")'), 'a+b+c');
  assert.deepEqual(await run('$split(input.text, /-/)'), ['a', 'b', 'c']);
  assert.equal(await run('$contains(input.text, /B/i)'), true);
  assert.deepEqual(await run('$match("a1b22", /([a-z])(\\d+)/).groups[1]'), ['1', '22']);
  assert.equal(await run('$replace("2026-11", /(\\d+)-(\\d+)/, "$2/$1")'), '11/2026');
});

Deno.test('$eval, $distinct, $pad and $toMillis work within their limits', async () => {
  assert.deepEqual(await run('$eval("[1, 2]")'), [1, 2]);
  assert.deepEqual(await run('$distinct([1, {"a": 1, "b": 2}, 1, {"b": 2, "a": 1}, "1"])'), [
    1,
    { a: 1, b: 2 },
    '1',
  ]);
  assert.equal(await run('$pad("x", -3, "ab")'), 'abx');
  assert.equal(await run('$pad("x", 3)'), 'x  ');
  assert.equal(await run('$toMillis("2026-01-02T00:00:00Z")'), Date.UTC(2026, 0, 2));
  assert.equal(await run('$toMillis("20260102", "[Y0001][M01][D01]")'), Date.UTC(2026, 0, 2));
});

Deno.test('a runaway expression is stopped', async () => {
  const started = Date.now();
  assert.equal(await codeOf('($f := function() { $f() }; $f())'), 'expression_timeout');
  assert.ok(Date.now() - started < 10_000);
  assert.equal(await codeOf('($f := function($n) { 1 + $f($n) }; $f(1))'), 'expression_too_deep');
  assert.equal(await codeOf(`${'('.repeat(20_000)}1${')'.repeat(20_000)}`), 'expression_too_deep');
});

Deno.test('the event loop continues while an expression runs', async () => {
  let ticks = 0;
  const timer = setInterval(() => {
    ticks += 1;
  }, 10);
  assert.equal(await codeOf('($f := function() { $f() }; $f())'), 'expression_timeout');
  clearInterval(timer);
  assert.ok(ticks > 10, `${ticks} ticks`);
});

Deno.test('a pattern with endless backtracking is stopped', async () => {
  assert.equal(
    await codeOf('$match("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", /(a+)+$/)'),
    'expression_timeout',
  );
  assert.equal(await run('$contains("still", /ll/)'), true);
});

Deno.test('all patterns of an expression share one budget of time', async () => {
  const begun = performance.now();
  assert.equal(await run('$contains("xxy", /^(x|xx)+y$/)'), true);
  const ordinary = performance.now() - begun;
  for (const expression of [
    '[1..300].($match("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxz", /^(x|xx)+y$/))',
    '$count($match($pad("", 250000, "b"), /b/))',
    '$split($pad("", 200000, "b-"), /-/)',
    '$replace($pad("", 200000, "b-"), /-/, "+")',
    '$map([1..5000], function($i) { $match($pad("", 20000, "c"), /c{9}$/) })',
  ]) {
    const started = performance.now();
    assert.equal(await codeOf(expression), 'expression_timeout', expression);
    const took = performance.now() - started;
    assert.ok(took < 1_500 + 20 * ordinary, `${took} ms (ordinary: ${ordinary} ms): ${expression}`);
  }
});

Deno.test('an expression does not use up the budget of another one', async () => {
  const greedy = codeOf('[1..50].($match("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxz", /^(x|xx)+y$/))');
  const modest = run('[1..50].($match("abc", /b/).match)');
  assert.equal(await greedy, 'expression_timeout');
  assert.equal(((await modest) as unknown[]).length, 50);
});

Deno.test('a value that would not fit into memory is refused', async () => {
  for (const expression of [
    '$pad("x", 1000000000)',
    '[1..9999999]',
    '($f := function($s, $n) { $n = 0 ? $s : $f($s & $s, $n - 1) }; $f("aaaa", 60))',
    '($f := function($x, $n) { $n = 0 ? $x : $f({"a": $x, "b": $x}, $n - 1) }; $f(1, 60))',
    '($f := function($x, $n) { $n = 0 ? $x : $f([[$x], [$x]], $n - 1) }; $f(1, 60))',
    '($f := function($x, $n) { $n = 0 ? $x : $f($zip([$x], [$x]), $n - 1) }; $f([1], 60))',
    '($f := function($x, $n) { $n = 0 ? $x : $f($merge([{"a": $x}, {"b": $x}]), $n - 1) }; $f({}, 60))',
    '($f := function($x, $n) { $n = 0 ? $x : $f($append($x, $x), $n - 1) }; $f([1], 60))',
    '$toMillis("1111111111111111111111111111111111111111x", "[Y][Y][Y][Y][Y][Y][Y][Y]")',
  ]) {
    assert.equal(await codeOf(expression), 'expression_too_large', expression);
  }
});

Deno.test('a large computation within the limits is allowed', async () => {
  assert.equal(await run('$sum([1..10000].($ * 2))'), 100_010_000);
  assert.equal(await run('$count($distinct([1..20000]))'), 20_000);
});

Deno.test('an expression cannot reach the host', async () => {
  for (const expression of [
    'input.constructor',
    'input.__proto__',
    '"".constructor.constructor("return 1")',
    '$lookup(input, "constructor")',
    '$string.constructor',
    'input.items.__defineGetter__',
  ]) {
    assert.equal(await run(expression), undefined, expression);
  }
  await run('{"__proto__": {"polluted": 1}}');
  await run('$merge([{"__proto__": {"polluted": 1}}])');
  await run('input ~> |$|{"__proto__": {"polluted": 1}}|');
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
});

Deno.test('the scope is not changed by a transform', async () => {
  const before = structuredClone(scope);
  assert.deepEqual(await run('(input ~> |items|{"x": 9}|).items.x'), [9, 9]);
  assert.deepEqual(scope, before);
});

Deno.test('errors have the position and JSONata’s own code', async () => {
  try {
    compileExpression('input.n + $');
    compileExpression('input.n +* 2');
    assert.fail('must not compile');
  } catch (error) {
    assert.ok(error instanceof ExpressionError);
    assert.equal(error.code, 'expression_syntax');
    assert.equal(typeof error.details.position, 'number');
    assert.match(error.details.jsonata_code ?? '', /^S/);
  }
  await assert.rejects(
    run('input.text * 2'),
    (error: unknown) =>
      error instanceof ExpressionError &&
      error.code === 'expression_failed' &&
      error.details.position !== undefined,
  );
});

Deno.test('the same text is compiled once', () => {
  assert.equal(compileExpression('input.once'), compileExpression('input.once'));
});
