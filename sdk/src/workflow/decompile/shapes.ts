// What a reference can read: the properties that the types of an input or an output have. They come from a JSON Schema, from
// the step type, or, where neither knows them, from the paths that the workflow reads.

import { pathName } from '../expressions.ts';
import { isObject } from '../json.ts';
import { type Doc, member, objectType } from './print.ts';

/** The properties of a value, as its type knows them. */
export interface Shape {
  readonly members: Map<string, Shape>;
}

export const newShape = (): Shape => ({ members: new Map() });

/** Deeper schemas are unknown in types. */
const MAX_DEPTH = 12;

/** The properties in the type FromSchema<schema>, or fewer. */
export function shapeOfSchema(schema: unknown, depth = 0): Shape {
  const shape = newShape();
  if (!isObject(schema) || depth > MAX_DEPTH) return shape;
  const isOpaque = ['const', 'enum', 'nullable', 'anyOf', 'oneOf', 'allOf', '$ref'].some((key) =>
    Object.hasOwn(schema, key),
  );
  const types = [schema.type].flat().filter((type) => type !== 'null');
  if (isOpaque || types.length !== 1 || types[0] !== 'object' || !isObject(schema.properties)) {
    return shape;
  }
  for (const [name, part] of Object.entries(schema.properties)) {
    if (name !== '__proto__') shape.members.set(name, shapeOfSchema(part, depth + 1));
  }
  return shape;
}

/** A path as code writes it: names behind a root, each in its only canonical form. */
export interface Path {
  readonly root: string;
  readonly names: readonly string[];
  /** The length of the text up to each name. */
  readonly ends: readonly number[];
}

const NAME = /\.(?:([A-Za-z_]\w*)|`([^`]+)`)/y;
export const ROOTS = /(?<![\w$`])(?<!(?<!\.)\.)(?:steps|input|run|item|index|secrets)(?![\w`])/g;

/** The path that begins in the text at this place. */
export function pathAt(text: string, start: number, root: string): Path {
  const names: string[] = [];
  const ends: number[] = [];
  NAME.lastIndex = start + root.length;
  for (let match = NAME.exec(text); match !== null; match = NAME.exec(text)) {
    const name = match[1] ?? match[2] ?? '';
    if (pathName(name) !== match[0].slice(1) || name === '__proto__') break;
    names.push(name);
    ends.push(match.index + match[0].length - start);
  }
  return { root, names, ends };
}

/** The texts in a value, such as a config. */
export function* textsOf(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (typeof value === 'object' && value !== null) {
    for (const part of Object.values(value)) yield* textsOf(part);
  }
}

export function* pathsOf(value: unknown): Generator<Path> {
  for (const text of textsOf(value)) {
    for (const { index, 0: root } of text.matchAll(ROOTS)) yield pathAt(text, index, root);
  }
}

export function addPath(shape: Shape, names: readonly string[]): void {
  let at = shape;
  for (const name of names) {
    const next = at.members.get(name) ?? newShape();
    at.members.set(name, next);
    at = next;
  }
}

/** How many of the names are properties. */
export function knownNames(shape: Shape, names: readonly string[]): number {
  let at: Shape | undefined = shape;
  let count = 0;
  for (const name of names) {
    at = at.members.get(name);
    if (at === undefined) break;
    count += 1;
  }
  return count;
}

/** The TypeScript type of a value with these properties, with code before and behind it. */
export function typeDoc({ members }: Shape, before = '', behind = ''): Doc {
  if (members.size === 0) return `${before}unknown${behind}`;
  return objectType(
    before,
    [...members].map(([name, shape]) => member(name, typeDoc(shape))),
    behind,
  );
}
