// The example of a JSON Schema: the value with which a form starts. Authors state it by `examples` or `default`, for the
// whole value or for each property.

import { isObject } from '../checker/json.ts';

/** Undefined if the schema states no example. The first of several examples counts. */
export function exampleOf(schema: unknown): unknown {
  if (!isObject(schema)) return undefined;
  if (Array.isArray(schema.examples) && schema.examples.length > 0) return schema.examples[0];
  if (schema.default !== undefined) return schema.default;
  if (schema.const !== undefined) return schema.const;
  if (!isObject(schema.properties)) return undefined;
  const known = Object.entries(schema.properties).flatMap(([name, property]) => {
    const example = exampleOf(property);
    return example === undefined ? [] : [[name, example] as const];
  });
  return known.length === 0 ? undefined : Object.fromEntries(known);
}
