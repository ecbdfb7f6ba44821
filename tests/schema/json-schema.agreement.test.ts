// The validators of JSON Schema in SQL and in TypeScript accept the same values for schemas that both support, and
// both end within their budgets for every schema.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ExpressionError, validateJson } from '../../functions/_shared/expressions/index.ts';
import { pool } from '../support/stack.ts';
import { scaled } from '../support/time.ts';

const db = pool();

interface Case {
  schema: unknown;
  value: unknown;
}

/** true, false, or the code of the refusal. */
async function inTypeScript({ schema, value }: Case): Promise<boolean | string> {
  try {
    return (await validateJson(schema as object, value)).length === 0;
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return error.code;
  }
}

async function inSql({ schema, value }: Case): Promise<boolean | string> {
  try {
    const { rows } = await db.query<{ accepts: boolean }>(
      `select stepbase_private.json_schema_errors($1, $2) = '[]' as accepts`,
      [JSON.stringify(schema), JSON.stringify(value)],
    );
    return rows[0]?.accepts === true;
  } catch (error) {
    const { code, detail } = error as { code?: string; detail?: string };
    if (code !== 'SB425' || detail === undefined) throw error;
    return (JSON.parse(detail) as { code: string }).code;
  }
}

const name = fc.constantFrom('a', 'b', 'c');
const small = fc.integer({ min: 0, max: 3 });
const typeName = fc.constantFrom(
  'string',
  'number',
  'integer',
  'boolean',
  'null',
  'object',
  'array',
);
const text = fc.constantFrom('', 'a', 'ab', 'b-1', '😀', 'a@b.example', '2028-02-29', '2027-02-29');

const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(text, fc.integer({ min: -2, max: 4 }), fc.constantFrom(1.5, true, false, null)),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(name, tie('value'), { maxKeys: 3 }),
  ),
}));

const reference = fc.oneof(
  fc.constantFrom('#', '#/$defs/gone', 'https://x.example/s'),
  name.map((to) => `#/$defs/${to}`),
);

const { schema: part } = fc.letrec((tie) => ({
  schema: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.boolean(),
    fc.record(
      {
        type: fc.oneof(typeName, fc.array(typeName, { minLength: 1, maxLength: 3 })),
        nullable: fc.boolean(),
        minLength: small,
        maxLength: small,
        minimum: small,
        exclusiveMaximum: small,
      },
      { requiredKeys: [] },
    ),
    fc.record(
      {
        const: value,
        enum: fc.array(value, { maxLength: 4 }),
        pattern: fc.constantFrom('^a', 'b-[0-9]', '^(x|xx)*$', '(', '[ab]{2}'),
        format: fc.constantFrom('email', 'date', 'uuid', 'unknown'),
      },
      { requiredKeys: [] },
    ),
    fc.record(
      {
        $ref: reference,
        properties: fc.dictionary(name, tie('schema'), { maxKeys: 3 }),
        additionalProperties: tie('schema'),
        required: fc.array(name, { maxLength: 2 }),
        items: tie('schema'),
        minItems: small,
        maxItems: small,
        uniqueItems: fc.boolean(),
      },
      { requiredKeys: [] },
    ),
    fc.record(
      {
        allOf: fc.array(tie('schema'), { maxLength: 3 }),
        anyOf: fc.array(tie('schema'), { maxLength: 3 }),
        oneOf: fc.array(tie('schema'), { maxLength: 3 }),
        not: tie('schema'),
      },
      { requiredKeys: [] },
    ),
  ),
}));

const schema = fc
  .tuple(part, fc.dictionary(name, part, { minKeys: 1, maxKeys: 3 }))
  .map(([root, $defs]) => ({ allOf: [root], $defs }));

test('SQL and TypeScript accept the same values', async () => {
  const seen = { accepted: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(schema, value, async (by, of) => {
      const asked = { schema: by, value: of };
      const [sql, typescript] = [await inSql(asked), await inTypeScript(asked)];
      // The budget of SQL is the smaller one.
      if (sql !== 'schema_too_complex') expect(typescript).toBe(sql);
      seen[typescript === true ? 'accepted' : 'refused'] += 1;
    }),
    { numRuns: 1_500 },
  );
  expect(seen.accepted).toBeGreaterThan(100);
  expect(seen.refused).toBeGreaterThan(100);
});

test('a random schema is refused when it is stored, or it validates small values within the budget', async () => {
  await fc.assert(
    fc.asyncProperty(schema, value, async (by, of) => {
      const { rows } = await db.query<{ problems: string[] | null }>(
        `select array_agg(p.code) as problems from stepbase_private.json_schema_problems($1) p`,
        [JSON.stringify(by)],
      );
      const begun = performance.now();
      const outcome = await inSql({ schema: by, value: of });
      expect(performance.now() - begun).toBeLessThan(scaled(5_000));
      if (rows[0]?.problems === null) expect(typeof outcome).toBe('boolean');
    }),
    { numRuns: 300 },
  );
});
