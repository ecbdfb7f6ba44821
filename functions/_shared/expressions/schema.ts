// Checks values of models, services and people against a JSON Schema.

import { type Schema, Validator } from '@cfworker/json-schema';

export interface SchemaProblem {
  /** JSON pointer of the offending part. */
  path: string;
  message: string;
}

const cache = new WeakMap<object, Validator>();

export function validateJson(schema: object, value: unknown): SchemaProblem[] {
  let validator = cache.get(schema);
  if (validator === undefined) {
    validator = new Validator(schema as Schema, '2020-12', false);
    cache.set(schema, validator);
  }
  const result = validator.validate(value);
  if (result.valid) return [];
  return result.errors.slice(0, 20).map((unit) => ({
    path: unit.instanceLocation.replace(/^#/, '') || '/',
    message: unit.error,
  }));
}
