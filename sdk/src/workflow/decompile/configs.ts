// Configs as code. A config that its type in TypeScript does not accept is left to w.node.

import { isObject } from '../json.ts';
import { type Doc, jsonLiteral, list, member, object } from './print.ts';
import { dataCode, isTemplate, type Scope, textCode, valueCode } from './texts.ts';

type Schema = Readonly<Record<string, unknown>>;

const typesOf = ({ type }: Schema): unknown[] => (type === undefined ? [] : [type].flat());
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** Whether the TypeScript type that is generated from the schema accepts the value. A template has each type. */
export function matches(schema: unknown, value: unknown): boolean {
  if (!isObject(schema) || Object.keys(schema).length === 0) return true;
  if (typeof value === 'string' && isTemplate(value)) return true;
  if (Array.isArray(schema.enum)) return schema.enum.includes(value);
  if ('const' in schema) return schema.const === value;
  if (schema.type === undefined) {
    const { anyOf } = schema;
    return !Array.isArray(anyOf) || anyOf.some((part) => matches(part, value));
  }
  return typesOf(schema).some((type) => isOfType(type, schema, value));
}

function isOfType(type: unknown, schema: Schema, value: unknown): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'integer':
    case 'number':
      return typeof value === 'number';
    case 'array':
      return Array.isArray(value) && value.every((item) => matches(schema.items, item));
    case 'object':
      return isObject(value) && hasMembers(schema, value);
    default:
      return typeof value === type;
  }
}

function hasMembers(schema: Schema, value: Schema): boolean {
  const { properties, additionalProperties } = schema;
  const isKnown = (key: string) => isObject(properties) && Object.hasOwn(properties, key);
  const choices = (of: unknown) =>
    listOf(of).flatMap((one) => (isObject(one) ? listOf(one.required) : []));
  const chosen = (of: unknown) =>
    choices(of).filter((key) => Object.hasOwn(value, String(key))).length;
  return (
    listOf(schema.required).every((key) => Object.hasOwn(value, String(key))) &&
    (choices(schema.oneOf).length === 0 || chosen(schema.oneOf) === 1) &&
    (choices(schema.anyOf).length === 0 || chosen(schema.anyOf) > 0) &&
    Object.entries(value).every(([key, part]) =>
      isKnown(key)
        ? matches((properties as Schema)[key], part)
        : additionalProperties !== false && matches(additionalProperties, part),
    )
  );
}

/** What the type has for a text at this place. */
function placeOf(schema: unknown): 'data' | 'text' | 'value' {
  if (!isObject(schema) || Object.keys(schema).length === 0) return 'data';
  return typesOf(schema).includes('string') && !('enum' in schema) && !('const' in schema)
    ? 'text'
    : 'value';
}

/** The code of a value that matches the schema. */
export function valueDoc(schema: unknown, value: unknown, scope: Scope): Doc {
  if (typeof value === 'string') {
    const place = placeOf(schema);
    if (!isTemplate(value) || place === 'text') return textCode(value, scope);
    return place === 'data' ? dataCode(value, scope) : valueCode(value, scope);
  }
  if (Array.isArray(value)) {
    const items = partSchema(schema, 'items');
    return list(value.map((item) => valueDoc(items, item, scope)));
  }
  if (isObject(value)) {
    return object(
      Object.entries(value).map(([key, part]) =>
        member(key, valueDoc(memberSchema(schema, key), part, scope)),
      ),
    );
  }
  return jsonLiteral(value);
}

/** A schema that no type is known for: its texts are printed so that each type accepts them. */
const OPAQUE: Schema = { enum: [] };

function partSchema(schema: unknown, key: string): unknown {
  if (!isObject(schema) || Object.keys(schema).length === 0) return undefined;
  if (schema.type === undefined) return OPAQUE;
  return schema[key];
}

function memberSchema(schema: unknown, key: string): unknown {
  const properties = partSchema(schema, 'properties');
  if (properties === OPAQUE) return OPAQUE;
  return isObject(properties) && Object.hasOwn(properties, key)
    ? properties[key]
    : partSchema(schema, 'additionalProperties');
}
