// Values that a JSON Schema of the OpenAPI document allows, as arbitraries of fast-check.
import fc from 'fast-check';

type Schema = Readonly<Record<string, unknown>>;
/** Values that exist, by the name of the property or parameter. */
export type Hints = (name: string) => readonly unknown[] | undefined;

/** How often a value that exists is taken, in percent; only required members are made at 100. */
export interface Style {
  hints: Hints;
  known: number;
}

const number = (schema: Schema, keyword: string, fallback: number) =>
  typeof schema[keyword] === 'number' ? schema[keyword] : fallback;

function text(schema: Schema): fc.Arbitrary<string> {
  if (schema.format === 'uuid') return fc.uuid({ version: 4 });
  if (schema.format === 'date-time') {
    return fc
      .date({ min: new Date('2000-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
      .map((date) => date.toISOString());
  }
  if (typeof schema.pattern === 'string') {
    return fc.stringMatching(new RegExp(schema.pattern)).map((value) => value.slice(0, 200));
  }
  const bounds = {
    minLength: number(schema, 'minLength', 0),
    maxLength: Math.min(number(schema, 'maxLength', 20), 40),
  };
  return fc.oneof(
    { weight: 4, arbitrary: fc.string({ ...bounds, unit: 'grapheme-ascii' }) },
    { weight: 1, arbitrary: fc.string({ ...bounds, unit: 'binary' }) },
  );
}

function ofType(type: string, schema: Schema, style: Style): fc.Arbitrary<unknown> {
  switch (type) {
    case 'string':
      return text(schema);
    case 'integer':
      return fc.integer({
        min: Math.max(number(schema, 'minimum', -1000), -2_147_483_648),
        max: Math.min(number(schema, 'maximum', 1000), 2_147_483_647),
      });
    case 'number':
      return fc.double({
        min: number(schema, 'minimum', -1e6),
        max: number(schema, 'maximum', 1e6),
        noNaN: true,
      });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array':
      return fc.array(valueFor('', (schema.items ?? {}) as Schema, style), { maxLength: 3 });
    default:
      return objectOf(schema, style);
  }
}

function objectOf(schema: Schema, style: Style): fc.Arbitrary<unknown> {
  const properties = Object.entries((schema.properties ?? {}) as Record<string, Schema>);
  if (properties.length === 0) {
    return fc.dictionary(fc.string({ maxLength: 10 }), fc.jsonValue({ maxDepth: 2 }), {
      maxKeys: 3,
    });
  }
  const required = new Set((schema.required ?? []) as string[]);
  const kept = properties.filter(([name]) => style.known < 100 || required.has(name));
  const least = number(schema, 'minProperties', 0);
  // A change needs one member: the first that any value fits.
  const chosen = kept.length >= least ? kept : properties.slice(0, least);
  return fc.record(
    Object.fromEntries(chosen.map(([name, value]) => [name, valueFor(name, value, style)])),
    {
      requiredKeys: chosen
        .map(([name]) => name)
        .filter((name) => required.has(name) || chosen.length <= least),
    },
  );
}

export function valueFor(name: string, schema: Schema, style: Style): fc.Arbitrary<unknown> {
  const generated = withoutHints(schema, style);
  const known = style.hints(name);
  if (known === undefined || known.length === 0) return generated;
  if (style.known >= 100) return fc.constantFrom(...known);
  return fc.oneof(
    { weight: style.known, arbitrary: fc.constantFrom(...known) },
    { weight: 100 - style.known, arbitrary: generated },
  );
}

function withoutHints(schema: Schema, style: Style): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (Array.isArray(schema.enum)) return fc.constantFrom(...(schema.enum as unknown[]));
  const options = (schema.anyOf ?? schema.oneOf) as Schema[] | undefined;
  if (options) return fc.oneof(...options.map((option) => withoutHints(option, style)));
  if (schema.type === undefined) return fc.jsonValue({ maxDepth: 3 });
  const types = [schema.type].flat() as string[];
  return fc.oneof(...types.map((type) => ofType(type, schema, style)));
}
