// Problems of a JSON Schema check name the part that is wrong, and no schema can block the thread.

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { exactNumber } from '../text/json-numbers.ts';
import { ExpressionError } from './errors.ts';
import { validateJson } from './schema.ts';

const schema = {
  type: 'object',
  properties: { a: { type: 'array', items: { type: 'integer', minimum: 1 } } },
  required: ['a'],
  additionalProperties: false,
};

const isValid = async (by: object, value: unknown) => (await validateJson(by, value)).length === 0;

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'none';
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return error.code;
  }
}

Deno.test('a value that matches the schema has no problems', async () => {
  assert.deepEqual(await validateJson(schema, { a: [1, 2] }), []);
});

Deno.test('a JSON pointer escapes ~ and / of a key', async () => {
  const schema = { properties: { 'a/b~c': { items: { type: 'string' } } } };
  assert.deepEqual(
    (await validateJson(schema, { 'a/b~c': [1] })).map(({ path }) => path),
    ['/a~1b~0c/0'],
  );
});

Deno.test('problems have the JSON pointer of the part', async () => {
  const paths = (await validateJson(schema, { a: [1, 0, 'x'] })).map((problem) => problem.path);
  assert.deepEqual(paths, ['/a/1', '/a/2']);
  assert.ok((await validateJson(schema, {})).length > 0);
  assert.ok((await validateJson(schema, { a: [], b: 1 })).length > 0);
});

Deno.test('each keyword accepts valid values and refuses invalid ones', async () => {
  const cases: [object, unknown, unknown][] = [
    [{ type: ['string', 'null'] }, null, 1],
    [{ type: 'integer' }, 2, 2.5],
    [{ nullable: true, type: 'string' }, null, 1],
    [{ enum: ['a', { b: [1] }] }, { b: [1] }, { b: [2] }],
    [{ const: { a: 1, b: 2 } }, { b: 2, a: 1 }, { a: 1 }],
    [{ minLength: 2 }, '😀😀', '😀'],
    [{ maxLength: 1 }, '😀', 'ab'],
    [{ pattern: '^a-\\d+$' }, 'a-12', 'a-'],
    [{ pattern: '^a\\-b$' }, 'a-b', 'ab'],
    [{ format: 'email' }, 'a@b.example', 'a@@b.example'],
    [{ format: 'date' }, '2028-02-29', '2027-02-29'],
    [{ format: 'date-time' }, '2027-01-01T10:00:00Z', '2027-01-01T24:00:00Z'],
    [{ format: 'ipv6' }, '::1', ':::'],
    [{ multipleOf: 0.1 }, 0.3, 0.35],
    [{ multipleOf: 1 }, 4e9, 4_000_000_000.5],
    [{ multipleOf: 0.01 }, 9_007_199_254_740_991, 1.001],
    [{ minimum: 1, exclusiveMaximum: 3 }, 1, 3],
    [{ prefixItems: [{ type: 'string' }], items: { type: 'number' } }, ['a', 1], ['a', 'b']],
    [{ contains: { const: 1 }, maxContains: 1 }, [2, 1], [1, 1]],
    [
      { uniqueItems: true },
      [{ a: 1 }, { a: 2 }],
      [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ],
    ],
    [{ minProperties: 1, maxProperties: 1 }, { a: 1 }, {}],
    [{ patternProperties: { '^x': { type: 'number' } } }, { xa: 1, y: '' }, { xa: '' }],
    [{ patternProperties: { '^x': {} }, additionalProperties: false }, { xa: 1 }, { y: 1 }],
    [{ propertyNames: { maxLength: 2 } }, { ab: 1 }, { abc: 1 }],
    [{ dependentRequired: { a: ['b'] } }, { a: 1, b: 1 }, { a: 1 }],
    [{ dependentSchemas: { a: { required: ['b'] } } }, { b: 1 }, { a: 1 }],
    [JSON.parse('{"if":{"type":"string"},"then":{"minLength":1},"else":{"minimum":5}}'), 5, ''],
    [{ anyOf: [{ type: 'string' }, { minimum: 3 }] }, 3, 2],
    [{ oneOf: [{ type: 'number' }, { type: 'integer' }] }, 1.5, 1],
    [{ not: { type: 'string' } }, 1, 'a'],
    [{ $ref: '#/$defs/a~1b', $defs: { 'a/b': { type: 'string' } } }, 'a', 1],
    [{ properties: { next: { $ref: '#' } }, required: ['id'] }, { id: 1 }, { id: 1, next: {} }],
    [{ properties: { constructor: { type: 'string' } } }, {}, { constructor: 1 }],
  ];
  for (const [by, valid, invalid] of cases) {
    assert.ok(await isValid(by, valid), JSON.stringify([by, valid]));
    assert.ok(!(await isValid(by, invalid)), JSON.stringify([by, invalid]));
  }
});

Deno.test('a pattern or $ref that means nothing is a problem, not a crash', async () => {
  for (const by of [
    { pattern: '(' },
    { $ref: '#' },
    { $ref: '#/$defs/gone' },
    { anyOf: [{ $ref: '#' }] },
    { allOf: [{ $ref: 'https://x.example/schema' }] },
  ]) {
    assert.ok(!(await isValid(by, 'a')), JSON.stringify(by));
  }
});

/** {d0: {allOf: [d1, d1]}, …}: 2^levels evaluations. */
function doubling(keyword: string, levels: number): object {
  const $defs: Record<string, unknown> = { [`d${levels}`]: { type: 'string' } };
  for (let level = 0; level < levels; level += 1) {
    const next = { $ref: `#/$defs/d${level + 1}` };
    $defs[`d${level}`] = { [keyword]: [next, next] };
  }
  return { $ref: '#/$defs/d0', $defs };
}

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = [value];
  return value;
}

Deno.test('a schema that multiplies or nests without bound is refused quickly', async () => {
  const tree = { items: { $ref: '#' }, type: ['array', 'number'] };
  const branching = {
    anyOf: [{ items: { $ref: '#' }, maxItems: 0 }, { items: { $ref: '#' } }],
  };
  const started = performance.now();
  await isValid(schema, { a: Array.from({ length: 20_000 }, (_, at) => at + 1) });
  const ordinary = performance.now() - started;
  const attacks: [object, unknown][] = [
    [doubling('allOf', 25), 'a'],
    [doubling('oneOf', 27), 'a'],
    [doubling('anyOf', 33), 1],
    [tree, nested(100)],
    [tree, nested(50_000)],
    [branching, nested(60)],
    [{ enum: Array.from({ length: 5_000 }, () => nested(30)) }, nested(29)],
    [
      { items: { enum: Array.from({ length: 5_000 }, (_, at) => `e${at}`) } },
      Array.from({ length: 5_000 }, () => 'x'),
    ],
  ];
  for (const [by, value] of attacks) {
    const begun = performance.now();
    const code = await codeOf(validateJson(by, value));
    const told = JSON.stringify(by).slice(0, 100);
    assert.ok(code === 'schema_too_complex' || code === 'none', `${code}: ${told}`);
    const took = performance.now() - begun;
    assert.ok(took < 1_000 + 20 * ordinary, `${took} ms (ordinary: ${ordinary} ms): ${told}`);
  }
  assert.equal(await codeOf(validateJson(doubling('allOf', 25), 'a')), 'schema_too_complex');
  assert.equal(await codeOf(validateJson(tree, nested(50_000))), 'schema_too_complex');
});

Deno.test('patterns share one budget of time, and the host never runs them', async () => {
  const started = performance.now();
  assert.ok(await isValid({ pattern: '^(x|xx)+y$' }, `${'x'.repeat(40)}y`));
  const ordinary = performance.now() - started;
  const attacks: [object, unknown][] = [
    [{ pattern: '^(x|xx)+y$' }, `${'x'.repeat(40)}z`],
    [{ pattern: '^(\\w+\\s?)*$' }, `${'word '.repeat(12)}!`],
    [{ patternProperties: { '^(a*)*$': {} } }, { [`${'a'.repeat(40)}!`]: 1 }],
    [{ items: { pattern: '(b+)+c' } }, Array.from({ length: 50 }, () => 'b'.repeat(40))],
  ];
  for (const [by, value] of attacks) {
    const begun = performance.now();
    assert.equal(await codeOf(validateJson(by, value)), 'expression_timeout', JSON.stringify(by));
    const took = performance.now() - begun;
    assert.ok(took < 1_000 + 20 * ordinary, `${took} ms (ordinary: ${ordinary} ms)`);
  }
  assert.equal(await codeOf(validateJson({ pattern: 'a'.repeat(501) }, 'a')), 'schema_too_complex');
});

const name = fc.constantFrom('a', 'b', 'c');
const nasty = fc.letrec((tie) => ({
  schema: fc.oneof(
    { maxDepth: 6 },
    fc.constantFrom({}, true, { type: 'string' }, { pattern: '(a|aa)+$' }, null, 'x', 3),
    fc.record({
      $ref: fc.oneof(
        fc.constant('#'),
        name.map((to) => `#/$defs/${to}`),
      ),
    }),
    fc.record(
      {
        allOf: fc.array(tie('schema'), { maxLength: 4 }),
        anyOf: fc.array(tie('schema'), { maxLength: 4 }),
        oneOf: fc.array(tie('schema'), { maxLength: 4 }),
        not: tie('schema'),
        if: tie('schema'),
        else: tie('schema'),
        items: tie('schema'),
        contains: tie('schema'),
        additionalProperties: tie('schema'),
        properties: fc.dictionary(name, tie('schema')),
        patternProperties: fc.dictionary(fc.constantFrom('^a', '(b+)+$', '('), tie('schema')),
        required: fc.oneof(fc.array(name), fc.constant(7)),
        minLength: fc.oneof(fc.integer(), fc.constant('x')),
      },
      { requiredKeys: [] },
    ),
  ),
}));

Deno.test('no random schema exceeds the budget or throws anything else', async () => {
  await fc.assert(
    fc.asyncProperty(
      nasty.schema,
      fc.dictionary(name, nasty.schema),
      fc.jsonValue({ maxDepth: 5 }),
      async (inner, $defs, value) => {
        const begun = performance.now();
        const code = await codeOf(validateJson({ anyOf: [inner], $defs }, value));
        assert.ok(['none', 'schema_too_complex', 'expression_timeout'].includes(code), code);
        assert.ok(performance.now() - begun < 5_000);
      },
    ),
    { numRuns: 100 },
  );
});

/** Digits of numbers that a double cannot hold. */
const huge = '9223372036854775807';

Deno.test('the digits of an unsafe number are a number or a string, as the schema asks', async () => {
  const cases: [object, string, string][] = [
    [{ type: 'integer' }, huge, `${huge}.25`],
    [{ type: 'number' }, '1e400', '1e4'],
    [{ type: 'number' }, '-0.1234567890123456789', '12345'],
    [{ type: 'string', maxLength: 20 }, huge, `${huge}12`],
    [{ type: 'integer', minimum: 9007199254740992 }, '9007199254740993', '-9007199254740993'],
    [{ maximum: huge, type: 'integer' }, huge, '9223372036854775808'],
    [{ exclusiveMaximum: huge, type: 'integer' }, '9223372036854775806', huge],
    [
      { exclusiveMinimum: '-9007199254740993', type: 'number' },
      '-9007199254740992.5',
      '-9007199254740993.0',
    ],
    [{ type: 'number', multipleOf: 0.01 }, '12345678901234567.89', '12345678901234567.891'],
    [{ type: 'integer', multipleOf: huge }, '18446744073709551614', '18446744073709551615'],
    [{ type: 'number', const: huge }, '9223372036854775807.0', '9223372036854775808'],
    [{ type: 'integer', enum: [1, huge] }, huge, '9223372036854775805'],
    [{ oneOf: [{ type: 'string' }, { type: 'integer' }] }, huge, ''],
    [{ not: { type: 'string' } }, huge, 'a'],
    [{ not: { type: 'number' } }, huge, ''],
    [{ anyOf: [{ type: 'boolean' }, { type: 'integer', maximum: 5 }] }, '-9007199254740993', huge],
    [{ allOf: [{ type: 'string' }, { pattern: '^9' }] }, huge, '7615917337495251231'],
  ];
  for (const [by, valid, invalid] of cases) {
    assert.ok(await isValid(by, valid), JSON.stringify([by, valid]));
    assert.ok(await isValid({ items: by }, [valid]), JSON.stringify([by, valid]));
    if (invalid !== '') assert.ok(!(await isValid(by, invalid)), JSON.stringify([by, invalid]));
  }
  // A string and a number at once is neither.
  assert.ok(!(await isValid({ allOf: [{ type: 'string' }, { type: 'number' }] }, huge)));
});

Deno.test('the problems of digits are those of a number, if a number is asked', async () => {
  const messages = async (by: object) =>
    (await validateJson(by, [huge])).map((p) => p.path + p.message);
  assert.deepEqual(await messages({ items: { type: 'integer', maximum: 7 } }), [
    '/0must be at most 7',
  ]);
  assert.deepEqual(await messages({ items: { type: 'string', maxLength: 7 } }), [
    '/0must have at most 7 characters',
  ]);
  assert.deepEqual(await messages({ items: { type: 'object' } }), [
    '/0must be of type object, not string',
  ]);
});

Deno.test('a bound is compared by decimal value', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.bigInt({ min: -(2n ** 66n), max: 2n ** 66n }),
      fc.bigInt({ min: -(2n ** 66n), max: 2n ** 66n }),
      async (one, other) => {
        const [value, limit] = [one, other].map((number) =>
          BigInt(Number(number)) === number ? Number(number) : String(number),
        );
        if (typeof value === 'string' && exactNumber(value) === undefined) return;
        if (typeof limit === 'string' && exactNumber(limit) === undefined) return;
        assert.equal(await isValid({ type: 'integer', minimum: limit }, value), one >= other);
        assert.equal(
          await isValid({ type: 'integer', exclusiveMaximum: limit }, value),
          one < other,
        );
      },
    ),
  );
});
