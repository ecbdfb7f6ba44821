// Problems of a JSON Schema check name the part that is wrong.

import assert from 'node:assert/strict';
import { validateJson } from './schema.ts';

const schema = {
  type: 'object',
  properties: { a: { type: 'array', items: { type: 'integer', minimum: 1 } } },
  required: ['a'],
  additionalProperties: false,
};

Deno.test('a value that matches the schema has no problems', () => {
  assert.deepEqual(validateJson(schema, { a: [1, 2] }), []);
});

Deno.test('problems have the JSON pointer of the part', () => {
  const paths = validateJson(schema, { a: [1, 0, 'x'] }).map((problem) => problem.path);
  assert.ok(paths.includes('/a/1'), paths.join());
  assert.ok(paths.includes('/a/2'), paths.join());
  assert.ok(validateJson(schema, {}).length > 0);
  assert.ok(validateJson(schema, { a: [], b: 1 }).length > 0);
});
