// SQL and TypeScript agree on the numbers that a double cannot hold: which they are, what they become, which values
// match a schema with them, and which expressions contain them.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  compileExpression,
  ExpressionError,
  validateJson,
} from '../../functions/_shared/expressions/index.ts';
import {
  exactNumber,
  isUnsafeNumber,
  parseJson,
} from '../../functions/_shared/text/json-numbers.ts';
import { pool } from '../support/stack.ts';

const db = pool();

async function ask<T>(text: string, values: unknown[]): Promise<T> {
  const { rows } = await db.query<{ value: T }>(`select ${text} as value`, values);
  const [row] = rows;
  if (row === undefined) throw new Error('no row');
  return row.value;
}

/** Numbers at the limits of doubles: around powers of two, with 15 to 19 digits, and at both ends of the range. */
const numeral = fc.oneof(
  fc
    .tuple(fc.integer({ min: 50, max: 80 }), fc.bigInt({ min: -40n, max: 40n }))
    .map(([power, more]) => String(2n ** BigInt(power) + more)),
  fc
    .tuple(fc.bigInt({ min: 10n ** 14n, max: 10n ** 19n }), fc.integer({ min: -25, max: 10 }))
    .map(([digits, exponent]) => `${digits}e${exponent}`),
  fc.double({ noNaN: true, noDefaultInfinity: true, noInteger: true }).map(String),
  fc
    .tuple(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer({ min: 15, max: 18 }))
    .map(([value, digits]) => value.toPrecision(digits)),
  fc
    .tuple(fc.integer({ min: 1, max: 99 }), fc.constantFrom(-326, -324, -323, 306, 307, 308))
    .map(([digits, exponent]) => `${digits}e${exponent}`),
  fc.integer({ min: -100, max: 100 }).map((cents) => String(cents / 100)),
);

test('the same numbers are unsafe', async () => {
  const seen = { safe: 0, unsafe: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(numeral, { minLength: 20, maxLength: 20 }), async (list) => {
      const sql = await ask<boolean[]>(
        `array(select stepbase_private.is_unsafe_number(n.text::numeric)
           from unnest($1::text[]) with ordinality n (text, place) order by n.place)`,
        [list],
      );
      const typescript = list.map(isUnsafeNumber);
      expect(Object.fromEntries(list.map((text, at) => [text, sql[at]]))).toEqual(
        Object.fromEntries(list.map((text, at) => [text, typescript[at]])),
      );
      for (const isUnsafe of typescript) seen[isUnsafe ? 'unsafe' : 'safe'] += 1;
    }),
    { numRuns: 200 },
  );
  expect(Math.min(seen.safe, seen.unsafe)).toBeGreaterThan(500);
});

const key = fc.constantFrom('a', 'b', '9007199254740993', 'x"y');
const text = fc.oneof(
  fc.constantFrom(
    '',
    'a',
    '12',
    '9007199254740993',
    '9007199254740993.0',
    '1e400',
    ': 12345678901234567890,',
    '"',
  ),
  numeral,
);
/** JSON text in which numbers have all forms. */
const { json } = fc.letrec<{ json: string }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.oneof(
      numeral,
      numeral,
      text.map((value) => JSON.stringify(value)),
      fc.constantFrom('true', 'null'),
    ),
    fc.array(tie('json'), { maxLength: 3 }).map((items) => `[${items.join(',')}]`),
    fc.dictionary(key, tie('json'), { maxKeys: 3 }).map(
      (record) =>
        `{${Object.entries(record)
          .map(([name, value]) => `${JSON.stringify(name)}:${value}`)
          .join(',')}}`,
    ),
  ),
}));

/** Strings that are digits may be written in another way than PostgreSQL does. */
function normal(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_key, part: unknown) => {
    const decimal = typeof part === 'string' ? exactNumber(part) : undefined;
    return decimal ?? (Object.is(part, -0) ? 0 : part);
  });
}

test('JSON becomes the same value in both', async () => {
  await fc.assert(
    fc.asyncProperty(json, async (value) => {
      const sql = await ask<string>('stepbase_private.with_digits($1::jsonb)::text', [value]);
      expect(normal(JSON.parse(sql))).toEqual(normal(parseJson(value)));
    }),
    { numRuns: 500 },
  );
});

const bound = numeral;
const positive = numeral.filter((number) => Number(number) > 0 && Math.abs(Number(number)) < 1e30);
const typeName = fc.constantFrom('number', 'integer', 'string', 'boolean');
const record = (fields: Record<string, string | undefined>): string =>
  `{${Object.entries(fields)
    .filter(([, part]) => part !== undefined)
    .map(([name, part]) => `"${name}":${part}`)
    .join(',')}}`;
const option = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined, freq: 2 });

/** The JSON text of a schema: its bounds are numbers in PostgreSQL, and digits where JavaScript reads it. */
const { schema } = fc.letrec<{ schema: string }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc
      .record({
        type: option(
          fc
            .oneof(typeName, fc.uniqueArray(typeName, { minLength: 1 }))
            .map((name) => JSON.stringify(name)),
        ),
        minimum: option(bound),
        exclusiveMaximum: option(bound),
        maximum: option(bound),
        exclusiveMinimum: option(bound),
        multipleOf: option(positive),
        maxLength: option(fc.constantFrom('1', '16', '20')),
      })
      .map(record),
    fc
      .record({
        const: option(json),
        enum: option(fc.array(json, { maxLength: 3 }).map((items) => `[${items.join(',')}]`)),
        items: option(tie('schema')),
        additionalProperties: option(tie('schema')),
        uniqueItems: option(fc.constant('true')),
      })
      .map(record),
    fc
      .record({
        allOf: option(
          fc.array(tie('schema'), { maxLength: 2 }).map((items) => `[${items.join(',')}]`),
        ),
        anyOf: option(
          fc.array(tie('schema'), { maxLength: 2 }).map((items) => `[${items.join(',')}]`),
        ),
        oneOf: option(
          fc.array(tie('schema'), { maxLength: 2 }).map((items) => `[${items.join(',')}]`),
        ),
        not: option(tie('schema')),
      })
      .map(record),
  ),
}));

const cases = fc.oneof(
  fc.tuple(schema, json),
  // Values near the bounds.
  numeral.chain((number) =>
    fc.tuple(
      fc
        .constantFrom('minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'const')
        .map((keyword) => `{"items":{"type":"number","${keyword}":${number}}}`),
      fc.oneof(fc.constant(number), numeral).map((value) => `[${value}]`),
    ),
  ),
);

test('both validators accept the same values', async () => {
  const seen = { accepted: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(cases, async ([by, of]) => {
      // The value as JavaScript writes it back.
      const value = parseJson(of);
      const sql = await ask<boolean>(
        `stepbase_private.json_schema_errors($1::jsonb, $2::jsonb) = '[]'`,
        [by, JSON.stringify(value)],
      );
      const typescript = (await validateJson(parseJson(by) as object, value)).length === 0;
      expect(typescript).toBe(sql);
      seen[typescript ? 'accepted' : 'refused'] += 1;
    }),
    { numRuns: 2_000 },
  );
  expect(Math.min(seen.accepted, seen.refused)).toBeGreaterThan(200);
});

test('a number that a run input has is accepted as its digits are', async () => {
  const numbers = fc.tuple(
    fc.constantFrom('minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'),
    positive,
    fc.oneof(positive, numeral),
  );
  await fc.assert(
    fc.asyncProperty(numbers, async ([keyword, limit, number]) => {
      const by = `{"type":"number","${keyword}":${limit}}`;
      const sql = await ask<boolean>(
        `stepbase_private.json_schema_errors($1::jsonb, $2::jsonb) = '[]'`,
        [by, number],
      );
      expect((await validateJson(parseJson(by) as object, parseJson(number))).length === 0).toBe(
        sql,
      );
    }),
    { numRuns: 500 },
  );
});

test('SQL finds the unsafe numbers of expressions that the worker refuses, and no others', async () => {
  const whole = numeral.filter(
    (number) => !number.startsWith('-') && Number.isFinite(Number(number)),
  );
  const frame = fc.constantFrom(
    (n: string) => n,
    (n: string) => `-${n}`,
    (n: string) => `[1..${n}]`,
    (n: string) => `input.a[id = ${n}].("9007199254740993" & b)`,
    (n: string) => `/* 9007199254740993 */ {"a": [${n}], 'b"c': \`9007199254740993\`}`,
    (n: string) => `$f(${n})~>$g`,
    (n: string) => `a9007199254740993+${n}-1`,
  );
  await fc.assert(
    fc.asyncProperty(whole, frame, async (number, write) => {
      const expression = write(number);
      let isRefused = false;
      try {
        compileExpression(expression);
      } catch (error) {
        if (!(error instanceof ExpressionError)) throw error;
        isRefused = error.code === 'unsafe_number';
      }
      const found = await ask<string[]>('stepbase_private.unsafe_literals($1)', [expression]);
      expect(found).toEqual(isRefused ? [number] : []);
    }),
    { numRuns: 300 },
  );
});
