// Turns the config of a step into JSON: expressions become text, schemas become JSON Schema, a workflow becomes its name.

import { DefinitionError } from './errors.ts';
import { asTemplate, sourceOf } from './expressions.ts';
import { isObject, type Json, type JsonObject } from './json.ts';
import { isSchema, jsonSchemaOf } from './schemas.ts';
import { STEP_TYPES } from './step-types.ts';

const RAW_KEYS: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries(STEP_TYPES).map(([type, { raw }]) => [type, raw]),
);

/** Keys that hold an expression or code get no braces. */
export function renderConfig(type: string, config: unknown): JsonObject {
  if (!isObject(config))
    throw new DefinitionError('invalid_config', 'the config must be an object');
  const raw = RAW_KEYS[type] ?? [];
  return objectOf(config, (value, key) => {
    const source = raw.includes(key) ? sourceOf(value) : undefined;
    if (source !== undefined && source.kind !== 'template') return source.text;
    const isWorkflow =
      type === 'child_workflow' && key === 'workflow' && sourceOf(value) === undefined;
    return isWorkflow && isObject(value) ? render(value.kebab_name) : render(value);
  });
}

/** undefined: the value is left out. */
export function render(value: unknown): Json | undefined {
  const source = sourceOf(value);
  if (source !== undefined) return asTemplate(source);
  if (isSchema(value)) return jsonSchemaOf(value) ?? {};
  if (value === null || value === undefined) return value;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  // As JSON does, so that the places of the others stay.
  if (Array.isArray(value)) return value.map((item) => render(item) ?? null);
  if (isObject(value)) return objectOf(value, render);
  throw new DefinitionError('invalid_config', `${String(value)} is not JSON`);
}

/** fromEntries defines each key as its own, also __proto__. */
function objectOf(
  value: Readonly<Record<string, unknown>>,
  map: (member: unknown, key: string) => Json | undefined,
): JsonObject {
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, member]) => {
      const rendered = map(member, key);
      return rendered === undefined ? [] : [[key, rendered]];
    }),
  );
}
