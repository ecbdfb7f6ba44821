// What the value of a JSONata expression looks like, as a JSON Schema, where its syntax tree shows it: an object that is
// written out has these properties and no others.

import { isObject, type Json } from './json.ts';

/** Returns the JSON Schema of the values that an expression can have, or undefined if its syntax tree does not tell. */
export function shapeOf(ast: unknown): Json | undefined {
  if (!isObject(ast)) return undefined;
  switch (ast.type) {
    case 'string':
      return { type: 'string' };
    case 'number':
      return { type: 'number' };
    case 'block': {
      const expressions = Array.isArray(ast.expressions) ? ast.expressions : [];
      return shapeOf(expressions.at(-1));
    }
    case 'condition': {
      const branches = [shapeOf(ast.then), ast.else === undefined ? {} : shapeOf(ast.else)];
      return branches.every(isObject) ? { anyOf: branches } : undefined;
    }
    case 'unary':
      return ast.value === '{' ? objectShape(ast) : undefined;
    default:
      return undefined;
  }
}

function objectShape(ast: Json): Json | undefined {
  // A group applies to what stands before it, and the object is the result.
  if (!Array.isArray(ast.lhs)) return undefined;
  const properties: Record<string, unknown> = {};
  for (const pair of ast.lhs as unknown[]) {
    const [key, value] = Array.isArray(pair) ? (pair as unknown[]) : [];
    if (!isObject(key) || key.type !== 'string' || typeof key.value !== 'string') return undefined;
    properties[key.value] = shapeOf(value) ?? true;
  }
  return { type: 'object', properties, additionalProperties: false };
}
