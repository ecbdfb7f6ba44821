// The generator of the step_types migration: its output, the schemas that it refuses, and the check for drift.

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { exactlyOne, onlyAtRunTime, textUpTo } from '../../functions/_shared/step-types/config.ts';
import { stepTypes } from '../../functions/_shared/step-types/index.ts';
import { toJsonSchema } from '../../scripts/step-types/json-schema.ts';
import { stepTypesMigration, stepTypesUpdate } from '../../scripts/step-types/migration.ts';
import { pool } from '../support/stack.ts';

const MIGRATION = 'supabase/migrations/20261101000210_step_types.sql';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'step-types-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function check(...args: string[]): Promise<{ code: number; err: string }> {
  try {
    await promisify(execFile)(process.execPath, ['scripts/step-types.ts', '--check', ...args], {
      timeout: 30_000,
    });
    return { code: 0, err: '' };
  } catch (error) {
    const failed = error as { code: number; stderr: string };
    return { code: failed.code, err: failed.stderr };
  }
}

describe('node scripts/step-types.ts --check', () => {
  test('accepts the committed migration', async () => {
    expect(await check()).toEqual({ code: 0, err: '' });
  });

  test.each([
    ['a changed fact', (sql: string) => sql.replace('30000', '20000')],
    ['a changed schema', (sql: string) => sql.replace('"minLength": 1', '"minLength": 2')],
    ['an empty file', () => ''],
  ])('finds %s', async (_what, edit) => {
    const file = join(folder, 'changed.sql');
    await writeFile(file, edit(await readFile(MIGRATION, 'utf8')));
    const { code, err } = await check(file);
    expect(code).toBe(1);
    expect(err).toContain('differs from functions/_shared/step-types');
  });

  test('reports a missing file', async () => {
    expect((await check(join(folder, 'missing.sql'))).code).toBe(1);
  });
});

describe('the migration', () => {
  test('has a row for every type, in the order of the list', () => {
    const sql = stepTypesMigration(stepTypes);
    const places = stepTypes.map(({ name }) => sql.indexOf(`\n    '${name}', '`));
    expect(places.every((place) => place > 0)).toBe(true);
    expect(places).toEqual([...places].sort((a, b) => a - b));
  });

  test('of a later release adds and changes types, and keeps the others', async () => {
    const [first, ...others] = stepTypes;
    if (!first) throw new Error('there are no step types');
    const changed = [{ ...first, label: 'Renamed' }, ...others, { ...first, name: 'added' }];
    const client = await pool().connect();
    const read = async () =>
      (
        await client.query(
          "select to_jsonb(t) - 'created_at' as row from stepbase.step_types t order by name",
        )
      ).rows;
    try {
      await client.query('begin');
      const before = await read();
      await client.query(stepTypesUpdate(stepTypes));
      expect(await read()).toEqual(before);
      await client.query(stepTypesUpdate(changed));
      const after = await read();
      expect(after.length).toBe(before.length + 1);
      expect(after.find(({ row }) => row.name === first.name)?.row.label).toBe('Renamed');
    } finally {
      await client.query('rollback');
      client.release();
    }
  });

  test('is not written for an unsupported schema, and the error names the type', () => {
    const [type] = stepTypes;
    if (!type) throw new Error('there are no step types');
    const broken = { ...type, config: z.strictObject({ a: z.email() }) };
    expect(() => stepTypesMigration([broken])).toThrow(
      /^step type http_request: config schema at /,
    );
  });
});

describe('the JSON Schema of a config', () => {
  test('describes the input, with defaults and the types of a union', () => {
    const config = z.strictObject({
      a: z.string().min(1).transform(String).nullish(),
      b: z.union([z.int().min(1).max(3), z.boolean(), z.array(z.unknown())]).default(2),
      c: z.record(z.string(), z.unknown()),
      type: z.enum(['x', 'y']),
    });
    expect(toJsonSchema(config)).toEqual({
      type: 'object',
      required: ['c', 'type'],
      properties: {
        a: { type: ['string', 'null'], minLength: 1 },
        b: { type: ['integer', 'boolean', 'array'], minimum: 1, maximum: 3, default: 2 },
        c: { type: 'object' },
        type: { enum: ['x', 'y'] },
      },
      additionalProperties: false,
    });
  });

  test('keeps options of the same type separate', () => {
    const { properties } = toJsonSchema(
      z.strictObject({
        a: z.union([z.int(), z.number().min(0.5)]),
        b: z.union([z.int(), z.enum(['x'])]),
      }),
    );
    expect(properties).toMatchObject({
      a: { anyOf: [{ type: 'integer' }, { type: 'number', minimum: 0.5 }] },
      b: { anyOf: [{ type: 'integer' }, { enum: ['x'] }] },
    });
  });

  test('contains the keywords of a declared check, and nothing of a check at run time only', () => {
    const config = exactlyOne(
      z.strictObject({
        a: textUpTo(5).optional(),
        b: onlyAtRunTime(z.string(), (text) => text !== 'b', 'is b').optional(),
      }),
      'a',
      'b',
    );
    expect(toJsonSchema(config)).toEqual({
      type: 'object',
      properties: { a: { type: 'string', minLength: 1, maxLength: 5 }, b: { type: 'string' } },
      additionalProperties: false,
      oneOf: [{ required: ['a'] }, { required: ['b'] }],
    });
  });

  test.each<[string, z.ZodType, RegExp]>([
    ['a format', z.email(), /the keyword format is not supported/],
    ['a multiple', z.number().multipleOf(2), /the keyword multipleOf is not supported/],
    ['a tuple', z.tuple([z.string()]), /the keyword prefixItems is not supported/],
    ['keys of a record', z.record(z.string().min(2), z.string()), /the keyword propertyNames/],
    ['an object with any key', z.object({ a: z.string() }), /accepts unknown keys/],
    ['an object that says so', z.looseObject({ a: z.string() }).nullish(), /accepts unknown keys/],
    ['a date', z.date(), /Date cannot be represented/],
    [
      'a check that is not declared',
      z.string().refine((text) => text !== 'x'),
      /refine\(\) is not/,
    ],
    ['a flag', z.string().regex(/^a$/i), /the flags of \/\^a\$\/i/],
    ['an inline flag', z.string().meta({ pattern: '(?i)^a$' }), /uses \(\?i/],
    ['any character', z.string().regex(/^a.b$/), /uses \., which/],
    ['a class of letters', z.string().regex(/^\w+$/), /uses \\w, which/],
    ['a class in a class', z.string().regex(/^[\w.]+$/), /uses/],
    ['a class by name', z.string().meta({ pattern: '^[[:alpha:]]+$' }), /uses/],
    ['a look-behind', z.string().regex(/(?<!a)b/), /uses \(\?</],
    ['a back-reference', z.string().regex(/^(a)\1$/), /uses \\1/],
    ['many repetitions', z.string().regex(/^a{1,300}$/), /more than 255 times/],
  ])('cannot have %s, and the error names the place', (_what, schema, problem) => {
    const convert = () => toJsonSchema(z.strictObject({ list: z.array(schema) }));
    expect(convert).toThrow(problem);
  });

  test.each([/^[A-Za-z][A-Za-z0-9_.-]{0,99}$/, /^(?!run\.)[^:]+$/, /^(?:a|b-c)*\[x\]{2,}$/])(
    'can have the pattern %s',
    (pattern) => {
      expect(toJsonSchema(z.strictObject({ a: z.string().regex(pattern) })).properties).toEqual({
        a: { type: 'string', pattern: pattern.source },
      });
    },
  );
});
