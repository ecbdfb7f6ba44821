// The JSON Schema of a config, derived from its zod schema. It uses only keywords with the same meaning in both
// validators: stepbase_private.json_schema_errors in SQL and validateJson in TypeScript.

import { z } from 'zod';
import { refinementScope } from '../../functions/_shared/step-types/config.ts';

export type JsonSchema = { [keyword: string]: unknown };

/** Keywords of one type, which have no effect on values of other types. */
const KEYWORDS_OF: Readonly<Record<string, readonly string[]>> = {
  string: ['minLength', 'maxLength', 'pattern'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
  integer: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
  array: ['items', 'minItems', 'maxItems', 'uniqueItems'],
  object: ['properties', 'required', 'additionalProperties'],
  boolean: [],
  null: [],
};

const KEYWORDS = new Set([
  'type',
  'enum',
  'const',
  'anyOf',
  'oneOf',
  'allOf',
  'not',
  'default',
  ...Object.values(KEYWORDS_OF).flat(),
]);

/** Keywords whose value is a list of schemas, or a schema. */
const LISTS = new Set(['anyOf', 'oneOf', 'allOf']);
const SINGLES = new Set(['items', 'additionalProperties', 'not']);

const fail = (path: string, problem: string): never => {
  throw new Error(`config schema at ${path || '/'}: ${problem}`);
};

/**
 * The common part of the regular expressions of PostgreSQL and JavaScript. Not included: flags, `.` (a line break),
 * \w \d \s \b (other alphabets), look-behind, named groups, and escapes of anything but punctuation.
 */
function checkPattern(pattern: string, path: string): void {
  const rest = pattern
    .replaceAll(/\\[\\^$.|?*+()[\]{}/-]/g, 'x')
    // A class: no escapes but those above, no [:name:].
    .replaceAll(/\[\^?[^\][\\]+\]/g, 'x')
    .replaceAll(/\((?:\?[:=!])?/g, '(');
  const foreign = /\\.?|\(\?.?|[.[\]]/.exec(rest);
  if (foreign) {
    fail(path, `the pattern ${pattern} uses ${foreign[0]}, which the validators do not share`);
  }
  for (const [, least = '0', most = least] of rest.matchAll(/\{(\d+)(?:,(\d+)?)?\}/g)) {
    if (Number(least) > 255 || Number(most) > 255) {
      fail(path, `the pattern ${pattern} repeats more than 255 times, which PostgreSQL refuses`);
    }
  }
}

interface Check {
  _zod: { def: { check: string; params?: unknown; pattern?: RegExp } };
}

/** Checks of zod that would be omitted from the JSON Schema without an error. */
function checkRefinements(schema: z.core.$ZodType, path: string): void {
  const { checks = [] } = schema._zod.def as { checks?: Check[] };
  for (const { _zod } of checks) {
    const { check, params, pattern } = _zod.def;
    if (check === 'custom' && refinementScope(params) === undefined) {
      fail(path, 'refine() is not in JSON Schema: use onlyAtRunTime() or withJsonSchema()');
    }
    if (pattern?.flags) fail(path, `the flags of ${pattern} are not in JSON Schema`);
  }
}

function toPath(path: readonly (string | number)[]): string {
  return path.map((part) => `/${part}`).join('');
}

/** Throws when a keyword or a pattern is not supported by both validators, or an object accepts unknown keys. */
export function checkSupported(schema: unknown, path = ''): void {
  if (typeof schema === 'boolean') return;
  const { type, properties, additionalProperties } = schema as JsonSchema;
  if ([type].flat().includes('object') && properties && additionalProperties === undefined) {
    fail(path, 'the object accepts unknown keys: use z.strictObject() or z.record()');
  }
  for (const [keyword, value] of Object.entries(schema as JsonSchema)) {
    const at = `${path}/${keyword}`;
    if (!KEYWORDS.has(keyword)) {
      fail(at, `the keyword ${keyword} is not supported by both validators`);
    }
    if (keyword === 'pattern') checkPattern(String(value), at);
    if (keyword === 'properties' || LISTS.has(keyword)) {
      for (const [key, part] of Object.entries(value as object)) {
        checkSupported(part, `${at}/${key}`);
      }
    } else if (SINGLES.has(keyword)) {
      checkSupported(value, at);
    }
  }
}

/** Whether each keyword applies only to values of the schema's own types. */
function hasOwnKeywordsOnly({ type, ...keywords }: JsonSchema): boolean {
  const own = new Set([type].flat().flatMap((name) => KEYWORDS_OF[String(name)] ?? []));
  return type !== undefined && Object.keys(keywords).every((keyword) => own.has(keyword));
}

/** {anyOf: [{type: a, …}, {type: b, …}]} → {type: [a, b], …}: equivalent, and its errors name the types. */
function merged(schema: JsonSchema): JsonSchema {
  const { anyOf, ...others } = schema as { anyOf?: JsonSchema[] };
  if (anyOf === undefined || 'type' in others) return schema;
  const types = anyOf.flatMap(({ type }) => type);
  const distinct = new Set(types.map((type) => (type === 'integer' ? 'number' : type)));
  if (distinct.size < types.length || !anyOf.every(hasOwnKeywordsOnly)) return schema;
  return { type: types, ...Object.assign({}, ...anyOf, { type: types }), ...others };
}

/** True for every JSON value, and therefore omitted. */
const EMPTY: Readonly<Record<string, string>> = {
  propertyNames: '{"type":"string"}',
  additionalProperties: '{}',
  items: '{}',
};

/** The most important keywords, which come first. */
const FIRST = ['default', 'properties', 'required', 'type'];
const byOrder = ([one]: [string, unknown], [other]: [string, unknown]) =>
  FIRST.indexOf(other) - FIRST.indexOf(one);

function simplified(schema: unknown): unknown {
  if (typeof schema !== 'object' || schema === null) return schema;
  const parts: JsonSchema = {};
  for (const [keyword, value] of Object.entries(schema).sort(byOrder)) {
    if (keyword === '$schema' || EMPTY[keyword] === JSON.stringify(value)) continue;
    // Every value of an enum has a type already.
    if (keyword === 'type' && 'enum' in schema) continue;
    parts[keyword] = mapParts(keyword, value, simplified);
  }
  return merged(parts);
}

/** Applies `map` to the schemas that are the value of a keyword. */
function mapParts(keyword: string, value: unknown, map: (part: unknown) => unknown): unknown {
  if (keyword === 'properties') {
    return Object.fromEntries(
      Object.entries(value as JsonSchema).map(([key, part]) => [key, map(part)]),
    );
  }
  if (LISTS.has(keyword)) return (value as unknown[]).map(map);
  return SINGLES.has(keyword) ? map(value) : value;
}

/** The stored form of a config's schema: of its input, because the database sees it before defaults are filled in. */
export function toJsonSchema(config: z.ZodType): JsonSchema {
  const raw = z.toJSONSchema(config, {
    io: 'input',
    unrepresentable: 'throw',
    reused: 'inline',
    override: ({ zodSchema, path }) => checkRefinements(zodSchema, toPath(path)),
  });
  const schema = simplified(raw) as JsonSchema;
  checkSupported(schema);
  return schema;
}
