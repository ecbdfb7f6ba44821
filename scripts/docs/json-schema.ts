// The properties of a JSON Schema as rows of a table: key, type, whether it is required, and its limits.

import { code, table } from './markdown.ts';

interface Schema {
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  oneOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  default?: unknown;
  description?: string;
  [keyword: string]: unknown;
}

const LARGEST = Number.MAX_SAFE_INTEGER;

/** The type in words: `string`, `integer or null`, `array of string`, `"fixed" or "exponential"`. */
export function typeOf(schema: Schema): string {
  if (schema.const !== undefined) return code(JSON.stringify(schema.const));
  if (schema.enum) return schema.enum.map((value) => code(JSON.stringify(value))).join(', ');
  const options = schema.anyOf ?? schema.oneOf;
  if (options && schema.type === undefined) {
    return [...new Set(options.map(typeOf))].join(' or ');
  }
  if (schema.type === undefined) return 'any value';
  const types = [schema.type].flat();
  if (types.length === 1 && types[0] === 'array' && schema.items) {
    return `array of ${typeOf(schema.items)}`;
  }
  return types.join(' or ');
}

/** The limits in words, from the keywords that bound a value. */
export function limitsOf(schema: Readonly<Record<string, unknown>>): string[] {
  const number = (keyword: string) => {
    const value = schema[keyword];
    return typeof value === 'number' && Math.abs(value) < LARGEST ? value : undefined;
  };
  const range = (low: number | undefined, high: number | undefined, unit: string) => {
    const suffix = unit === '' ? '' : ` ${unit}`;
    if (low !== undefined && high !== undefined) return [`${low} to ${high}${suffix}`];
    if (low === 1 && unit !== '') return ['not empty'];
    if (low !== undefined) return [`at least ${low}${suffix}`];
    return high === undefined ? [] : [`at most ${high}${suffix}`];
  };
  const above = number('exclusiveMinimum');
  return [
    ...range(
      number('minimum') ?? (above === undefined ? undefined : above + 1),
      number('maximum'),
      '',
    ),
    ...range(number('minLength'), number('maxLength'), 'characters'),
    ...range(number('minItems'), number('maxItems'), 'items'),
    // A format states its pattern already.
    ...(typeof schema.pattern === 'string' && schema.format === undefined
      ? [`matches ${code(schema.pattern)}`]
      : []),
    ...(typeof schema.format === 'string' ? [`format ${code(schema.format)}`] : []),
  ];
}

function rows(schema: Schema, prefix: string): string[][] {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).flatMap(([key, property]) => {
    const limits = [
      ...limitsOf(property),
      ...(property.default === undefined
        ? []
        : [`default ${code(JSON.stringify(property.default))}`]),
    ];
    const { description = '' } = property;
    const notes = [
      ...(description === ''
        ? []
        : [limits.length > 0 ? description.replace(/\.$/, '') : description]),
      ...limits,
    ];
    const own = [
      code(`${prefix}${key}`),
      typeOf(property),
      required.has(key) && property.default === undefined ? 'yes' : 'no',
      notes.join('; '),
    ];
    return [own, ...rows(property, `${prefix}${key}.`)];
  });
}

/** One of the listed keys must be there: the rule of a `oneOf` or `anyOf` of `required` lists. */
function alternatives(schema: Schema): string {
  for (const [keyword, words] of [
    ['oneOf', 'Exactly one of'],
    ['anyOf', 'At least one of'],
  ] as const) {
    const keys = schema[keyword]?.map((option) => option.required?.[0]);
    if (keys?.every((key) => key !== undefined)) {
      return `${words} ${keys.map((key) => code(key)).join(', ')} is required.`;
    }
  }
  return '';
}

/** A table of the schema's properties, nested objects included; '' when it has none. */
export function propertiesTable(schema: unknown): string {
  const given = schema as Schema;
  const found = rows(given, '');
  if (found.length === 0) return '';
  const rule = alternatives(given);
  return `${table(['key', 'type', 'required', 'notes'], found)}${rule && `\n\n${rule}`}`;
}
