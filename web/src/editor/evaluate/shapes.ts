// What expressions can read, as a tree of names: from the data of a run, and from JSON Schemas where there is no data.
import type { Json } from '../../../../types/database.ts';
import { isObject } from '../model/definition.ts';

export interface Shape {
  /** The type, or a short value. */
  detail: string;
  members: Map<string, Shape>;
}

const MAX_MEMBERS = 200;
const MAX_DETAIL = 40;

const leaf = (detail: string): Shape => ({ detail, members: new Map() });

function short(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > MAX_DETAIL ? `${text.slice(0, MAX_DETAIL - 1)}…` : text;
}

/** JSONata maps a path over a list, so a list has the members of its items. */
export function shapeOfValue(value: Json | undefined, depth = 6): Shape {
  if (value === undefined) return leaf('');
  if (depth === 0 || typeof value !== 'object' || value === null) return leaf(short(value));
  if (Array.isArray(value)) {
    const items = value.slice(0, 20).map((item) => shapeOfValue(item, depth - 1));
    return { detail: `list of ${value.length}`, members: joined(items) };
  }
  const members = Object.entries(value)
    .slice(0, MAX_MEMBERS)
    .map(([key, member]) => [key, shapeOfValue(member, depth - 1)] as const);
  return { detail: 'object', members: new Map(members) };
}

function joined(shapes: readonly Shape[]): Map<string, Shape> {
  const members = new Map<string, Shape>();
  for (const shape of shapes) {
    for (const [key, member] of shape.members) {
      const known = members.get(key);
      members.set(key, known === undefined ? member : merged(known, member));
    }
  }
  return members;
}

/** The details of the first one, the members of both. */
export const merged = (first: Shape, second: Shape): Shape => ({
  detail: first.detail || second.detail,
  members: joined([first, second]),
});

export function shapeOfSchema(schema: unknown, depth = 6): Shape {
  if (!isObject(schema) || depth === 0) return leaf('');
  const parts = ['anyOf', 'oneOf', 'allOf'].flatMap((key) => {
    const list = schema[key];
    return Array.isArray(list) ? list.map((part) => shapeOfSchema(part, depth - 1)) : [];
  });
  const properties = isObject(schema.properties) ? Object.entries(schema.properties) : [];
  const own = properties.map(([key, part]) => [key, shapeOfSchema(part, depth - 1)] as const);
  const items = schema.items === undefined ? [] : [shapeOfSchema(schema.items, depth - 1)];
  const { type } = schema;
  const detail = Array.isArray(type) ? type.join(' or ') : typeof type === 'string' ? type : '';
  return {
    detail,
    members: joined([{ detail, members: new Map(own) }, ...parts, ...items]),
  };
}

const PATH = /(?:`[^`]*`|[A-Za-z_$][\w$]*)(?:\[[^[\]]*\])?/g;

/** The shape at the end of a path such as `steps.a.output.`; undefined: there is none. */
export function shapeAt(root: Shape, path: string): Shape | undefined {
  let shape: Shape | undefined = root;
  for (const [part] of path.matchAll(PATH)) {
    const name = part.replace(/\[[^[\]]*\]$/, '').replaceAll('`', '');
    shape = shape?.members.get(name);
  }
  return shape;
}
