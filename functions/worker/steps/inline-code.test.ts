// inline_code: JSON in, JSON out, promises and printed lines; no access to the host, and limits for time and memory.

import assert from 'node:assert/strict';
import { loadQuickJS } from '../../_shared/expressions/quickjs.ts';
import { runCode } from './code-sandbox.ts';
import { stopCodeThreads } from './index.ts';
import { afterAll, failureOf, outputOf, runStep, testContext, testEnv } from './testing.ts';

afterAll(() => stopCodeThreads());

// The threads intentionally outlive a test; afterAll ends them.
const test = (name: string, fn: () => Promise<void>): void =>
  Deno.test({ name, fn, sanitizeOps: false, sanitizeResources: false });

const ctx = testContext({
  input: { n: 20 },
  steps: { a: { output: { n: 22 } } },
  context: { seen: ['x'] },
});

const run = (code: string): Promise<unknown> => outputOf('inline_code', { code }, ctx);

test('a function gets input, steps and context and gives JSON', async () => {
  assert.deepEqual(
    await run(
      '({ input, steps, context }) => ({ sum: input.n + steps.a.output.n, seen: context.seen })',
    ),
    { sum: 42, seen: ['x'] },
  );
  assert.equal(await run('function ({ input }) { return input.n }'), 20);
  assert.equal(await run('() => undefined'), null);
});

test('NaN and Infinity in the result fail the step, and null does not', async () => {
  for (const code of [
    '() => 1 / 0',
    '() => ({ a: [null, { b: 0 / 0 }] })',
    'async () => [-Infinity]',
    '() => ({ toJSON: () => Number("x") })',
    '() => { Number.isFinite = () => true; JSON.stringify = () => "null"; return NaN }',
  ]) {
    assert.equal((await failureOf('inline_code', { code }, ctx)).code, 'number_not_finite', code);
  }
  assert.deepEqual(await run('() => ({ a: null, b: [undefined, "null"], c: undefined })'), {
    a: null,
    b: [null, 'null'],
  });
});

test('a BigInt in the result becomes its digits', async () => {
  const big = testContext({ input: { id: '7615917337495251231' } });
  const code = '({ input }) => ({ next: BigInt(input.id) + 1n, list: [-(2n ** 70n)] })';
  assert.deepEqual(await outputOf('inline_code', { code }, big), {
    next: '7615917337495251232',
    list: ['-1180591620717411303424'],
  });
});

test('an async function is awaited', async () => {
  assert.equal(await run('async ({ input }) => { await null; return input.n * 2; };'), 40);
});

test('a promise that never settles is an error, not a hang', async () => {
  const error = await failureOf('inline_code', { code: '() => new Promise(() => {})' }, ctx);
  assert.equal(error.code, 'code_never_settles');
});

test('printed output is returned, also if the code fails', async () => {
  const result = await runStep(
    'inline_code',
    { code: '() => { console.log("sum", { a: 1 }); return 1 }' },
    ctx,
  );
  assert.deepEqual(result, { kind: 'completed', output: 1, logs: ['sum {"a":1}'] });
  const error = await failureOf(
    'inline_code',
    { code: '() => { console.error("before"); throw new Error("no") }' },
    ctx,
  );
  assert.deepEqual(error.details, { logs: ['before'] });
});

test('errors have a message and a position', async () => {
  const thrown = await failureOf('inline_code', { code: '() => {\n  missing.x;\n}' }, ctx);
  assert.equal(thrown.code, 'code_failed');
  assert.match(thrown.message, /ReferenceError: .*missing.* \(line 2\)/);
  assert.equal((await failureOf('inline_code', { code: '() => {' }, ctx)).code, 'code_syntax');
  assert.equal((await failureOf('inline_code', { code: '1 + 1' }, ctx)).code, 'code_failed');
});

test('an endless loop is stopped, in code, in promises and in a pattern', async () => {
  const fast = testContext({ timeoutMs: 200 });
  for (const code of [
    '() => { for (;;); }',
    '() => { const spin = () => Promise.resolve().then(() => { for (;;); }); return spin(); }',
    '() => /(a+)+$/.test("a".repeat(60) + "!")',
  ]) {
    const started = Date.now();
    const error = await failureOf('inline_code', { code }, fast);
    assert.deepEqual([error.code, error.retryable], ['timeout', true], code);
    assert.ok(Date.now() - started < 5_000);
  }
});

test('the limit that all code has is a code_timeout', async () => {
  const env = testEnv();
  const ctx = testContext({ env: { ...env, limits: { ...env.limits, codeMs: 200 } } });
  const error = await failureOf('inline_code', { code: '() => { for (;;); }' }, ctx);
  assert.deepEqual([error.code, error.retryable], ['code_timeout', true]);
});

test('a built-in that the sandbox cannot interrupt ends with its thread', async () => {
  const error = await failureOf(
    'inline_code',
    { code: '() => Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)' },
    testContext({ timeoutMs: 200 }),
  );
  assert.equal(error.code, 'timeout');
  assert.equal(await run('() => "alive"'), 'alive');
});

test('the event loop continues while code runs', async () => {
  let ticks = 0;
  const timer = setInterval(() => {
    ticks += 1;
  }, 10);
  await failureOf('inline_code', { code: '() => { for (;;); }' }, testContext({ timeoutMs: 300 }));
  clearInterval(timer);
  assert.ok(ticks > 5, `${ticks} ticks`);
});

test('a memory bomb is stopped', async () => {
  const slow = testContext({ timeoutMs: 5_000 });
  for (const code of [
    '() => { const all = []; for (;;) all.push(new Uint8Array(1 << 20)); }',
    '() => { const all = []; for (;;) all.push({ at: all.length, text: "x".repeat(100) }); }',
    '() => new Array(1e9).fill(0)',
  ]) {
    const error = await failureOf('inline_code', { code }, slow);
    assert.deepEqual([error.code, error.retryable], ['code_memory', false], code);
  }
  assert.equal(await run('() => "alive"'), 'alive');
});

test('deep recursion is an error of the code', async () => {
  const error = await failureOf(
    'inline_code',
    { code: '() => { const f = () => f() + 1; return f(); }' },
    ctx,
  );
  assert.equal(error.code, 'code_failed');
});

test('a result that is too large is refused', async () => {
  const slow = testContext({ timeoutMs: 5_000 });
  const error = await failureOf('inline_code', { code: '() => "x".repeat(5e6)' }, slow);
  assert.equal(error.code, 'code_output_too_large');
});

test('code cannot reach the host', async () => {
  assert.deepEqual(
    await run(`() => [typeof Deno, typeof process, typeof require, typeof fetch, typeof setTimeout,
      typeof WebAssembly, typeof navigator, typeof Worker, typeof globalThis.std, typeof globalThis.os]`),
    Array(10).fill('undefined'),
  );
  for (const code of [
    '({ input }) => input.constructor.constructor("return process")()',
    '() => (async () => {}).constructor("return Deno")()',
    '() => import("node:fs")',
    '() => import("https://example.com/x.js")',
  ]) {
    assert.equal((await failureOf('inline_code', { code }, ctx)).code, 'code_failed', code);
  }
});

test('one execution cannot affect the next', async () => {
  await run(`() => {
    Object.prototype.polluted = 1;
    Array.prototype.map = () => ["hacked"];
    JSON.stringify = () => '"hacked"';
    globalThis.left = 1;
    return null;
  }`);
  assert.deepEqual(await run('() => [({}).polluted, typeof left, [1].map((x) => x)[0]]'), [
    null,
    'undefined',
    1,
  ]);
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
});

test('replacing JSON inside the sandbox does not change the result', async () => {
  assert.deepEqual(await run(`() => { JSON.stringify = () => '"hacked"'; return { a: 1 }; }`), {
    a: 1,
  });
});

test('a __proto__ key in the result is data', async () => {
  const output = await run(`() => JSON.parse('{"__proto__": {"polluted": 1}}')`);
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
  assert.ok(Object.hasOwn(output as object, '__proto__'));
});

test('a cancelled attempt ends at once', async () => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 50);
  const started = Date.now();
  const error = await failureOf(
    'inline_code',
    { code: '() => { for (;;); }' },
    testContext({ signal: controller.signal, timeoutMs: 5_000 }),
  );
  assert.equal(error.code, 'cancelled');
  assert.ok(Date.now() - started < 2_000);
});

test('without threads the sandbox limits alone stop the code', async () => {
  const module = await loadQuickJS();
  const job = { argument: '{}', timeoutMs: 200 };
  const outcomes = [
    '() => 1',
    '() => { for (;;); }',
    '() => new Array(1e9).fill(0)',
    '() => 2',
  ].map((code) => runCode(module, { ...job, code }));
  assert.deepEqual(
    outcomes.map((outcome) => (outcome.ok ? outcome.json : outcome.code)),
    ['1', 'code_timeout', 'code_memory', '2'],
  );
});
