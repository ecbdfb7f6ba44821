// Whether a value that matches a JSON Schema can have a property. Only a closed schema, or a type that has no properties,
// excludes one.

import { isObject, type Json } from './json.ts';

export type Member =
  /** The schema does not say; `declared` are the properties that it names. */
  | { kind: 'unknown'; declared: readonly string[] }
  | { kind: 'absent'; declared: readonly string[]; reason: 'closed' | 'no object' }
  | { kind: 'present'; schema: unknown };

const unknown: Member = { kind: 'unknown', declared: [] };
/** Nested combinations and references; beyond them nothing is known. */
const maxDepth = 16;

/** `mapsLists`: a name applies to the items of a list, as in JSONata. */
export function memberOf(
  schema: unknown,
  name: string,
  root: unknown,
  mapsLists: boolean,
  depth = 0,
): Member {
  if (!isObject(schema) || depth > maxDepth) return unknown;
  const inner = (part: unknown) => memberOf(part, name, root, mapsLists, depth + 1);
  const own = ownMember(schema, name, root, mapsLists, depth);
  const all = [own];
  if (typeof schema.$ref === 'string') all.push(inner(refer(root, schema.$ref)));
  if (Array.isArray(schema.allOf)) all.push(...schema.allOf.map(inner));
  for (const branches of [schema.anyOf, schema.oneOf]) {
    if (Array.isArray(branches)) all.push(anyOf(branches.map(inner)));
  }
  return (
    all.find(({ kind }) => kind === 'absent') ??
    all.find(({ kind }) => kind === 'present') ?? {
      kind: 'unknown',
      declared: all.flatMap((one) => ('declared' in one ? one.declared : [])),
    }
  );
}

function anyOf(branches: readonly Member[]): Member {
  const declared = branches.flatMap((one) => ('declared' in one ? one.declared : []));
  const [first] = branches;
  if (first?.kind === 'absent' && branches.every(({ kind }) => kind === 'absent')) {
    return { ...first, declared };
  }
  if (branches.some(({ kind }) => kind === 'unknown')) return { kind: 'unknown', declared };
  const present = branches.flatMap((one) => (one.kind === 'present' ? [one.schema] : []));
  return { kind: 'present', schema: { anyOf: present } };
}

function ownMember(
  schema: Json,
  name: string,
  root: unknown,
  mapsLists: boolean,
  depth: number,
): Member {
  const types = schema.nullable === true || schema.type === undefined ? [] : [schema.type].flat();
  if (types.length > 0 && !types.includes('object')) {
    if (!types.includes('array')) return { kind: 'absent', declared: [], reason: 'no object' };
    return mapsLists ? memberOf(schema.items, name, root, true, depth + 1) : unknown;
  }
  if (types.includes('array')) return unknown;
  const properties = isObject(schema.properties) ? schema.properties : {};
  const declared = Object.keys(properties);
  if (Object.hasOwn(properties, name)) {
    const member = properties[name];
    return member === false
      ? { kind: 'absent', declared, reason: 'closed' }
      : { kind: 'present', schema: member };
  }
  if (schema.patternProperties !== undefined) return { kind: 'unknown', declared };
  if (schema.additionalProperties === false) return { kind: 'absent', declared, reason: 'closed' };
  return isObject(schema.additionalProperties)
    ? { kind: 'present', schema: schema.additionalProperties }
    : { kind: 'unknown', declared };
}

/** The target of `#` or `#/…` in the schema. */
function refer(root: unknown, reference: string): unknown {
  if (!reference.startsWith('#')) return undefined;
  let at: unknown = root;
  for (const key of reference.slice(1).split('/').slice(1)) {
    const name = key.replaceAll('~1', '/').replaceAll('~0', '~');
    at = typeof at === 'object' && at !== null ? (at as Json)[name] : undefined;
  }
  return at;
}
