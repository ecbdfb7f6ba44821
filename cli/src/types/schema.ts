// JSON Schema as TypeScript. What TypeScript cannot express is wider, never narrower.
import { isObject } from '../../../sdk/src/workflow/json.ts';

const MAX_DEPTH = 16;

interface Place {
  indent: string;
  depth: number;
  /** The schema that local references point into. */
  root: unknown;
}

/** A type, and the operator that joins its parts. */
interface Type {
  text: string;
  joined?: '|' | '&';
}

const UNKNOWN: Type = { text: 'unknown' };

export const schemaType = (schema: unknown, indent = ''): string =>
  typeOf(schema, { indent, depth: 0, root: schema }).text;

function typeOf(schema: unknown, place: Place): Type {
  if (schema === false) return { text: 'never' };
  if (!isObject(schema) || place.depth > MAX_DEPTH) return UNKNOWN;
  const at = { ...place, depth: place.depth + 1 };
  if (typeof schema.$ref === 'string') return typeOf(target(schema.$ref, place.root), at);
  if ('const' in schema) return literal(schema.const);
  if (Array.isArray(schema.enum)) return union(schema.enum.map(literal));
  const type = intersection([
    ...(schema.type === undefined && schema.properties === undefined ? [] : [ofType(schema, at)]),
    ...['anyOf', 'oneOf'].flatMap((key) =>
      Array.isArray(schema[key]) ? [union(schema[key].map((one) => typeOf(one, at)))] : [],
    ),
    ...(Array.isArray(schema.allOf) ? schema.allOf.map((one) => typeOf(one, at)) : []),
  ]);
  return schema.nullable === true ? union([type, { text: 'null' }]) : type;
}

function target(ref: string, root: unknown): unknown {
  if (!ref.startsWith('#')) return undefined;
  return ref
    .slice(1)
    .split('/')
    .slice(1)
    .map((key) => decodeURIComponent(key).replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>((at, key) => (isObject(at) ? at[key] : undefined), root);
}

const isJson = (value: unknown): value is string | number | boolean | null =>
  value === null || ['string', 'number', 'boolean'].includes(typeof value);

const literal = (value: unknown): Type => ({
  text: isJson(value) ? JSON.stringify(value) : Array.isArray(value) ? 'unknown[]' : 'object',
});

function union(types: readonly Type[]): Type {
  if (types.some(({ text }) => text === 'unknown')) return UNKNOWN;
  return join(types, '|') ?? { text: 'never' };
}

const intersection = (types: readonly Type[]): Type =>
  join(
    types.filter(({ text }) => text !== 'unknown'),
    '&',
  ) ?? UNKNOWN;

/** undefined: there are no types. */
function join(types: readonly Type[], operator: '|' | '&'): Type | undefined {
  const all = [...new Map(types.map((type) => [type.text, type])).values()];
  if (all.length < 2) return all[0];
  const parts = all.map(({ text, joined }) =>
    joined === undefined || joined === operator ? text : `(${text})`,
  );
  return { text: parts.join(` ${operator} `), joined: operator };
}

function ofType(schema: Readonly<Record<string, unknown>>, at: Place): Type {
  const types: readonly unknown[] = [schema.type ?? 'object'].flat();
  return union(
    types.map((type) => {
      switch (type) {
        case 'string':
        case 'boolean':
        case 'null':
          return { text: type };
        case 'number':
        case 'integer':
          return { text: 'number' };
        case 'array':
          return { text: arrayOf(schema.items, at) };
        case 'object':
          return { text: objectOf(schema, at) };
        default:
          return UNKNOWN;
      }
    }),
  );
}

function arrayOf(items: unknown, at: Place): string {
  const item = Array.isArray(items) ? 'unknown' : typeOf(items, at).text;
  return /^[\w.]+$/.test(item) ? `${item}[]` : `Array<${item}>`;
}

function objectOf(schema: Readonly<Record<string, unknown>>, at: Place): string {
  const { properties, required, additionalProperties } = schema;
  if (!isObject(properties) || Object.keys(properties).length === 0) {
    return `Record<string, ${typeOf(additionalProperties, at).text}>`;
  }
  const needed: readonly unknown[] = Array.isArray(required) ? required : [];
  const deeper = { ...at, indent: `${at.indent}  ` };
  return objectType(
    Object.entries(properties).map(([name, part]) => ({
      name,
      type: typeOf(part, deeper).text,
      isOptional: !needed.includes(name),
      comment:
        isObject(part) && typeof part.description === 'string' ? part.description : undefined,
    })),
    at.indent,
  );
}

export interface Member {
  name: string;
  type: string;
  isOptional?: boolean;
  comment?: string | undefined;
}

export function objectType(members: readonly Member[], indent: string): string {
  const lines = members.flatMap(({ name, type, isOptional = false, comment }) => {
    const key = /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
    const text = comment?.replaceAll(/\s+/g, ' ').replaceAll('*/', '* /').trim();
    return [
      ...(text ? [`${indent}  /** ${text} */`] : []),
      `${indent}  ${key}${isOptional ? '?' : ''}: ${type};`,
    ];
  });
  return ['{', ...lines, `${indent}}`].join('\n');
}
