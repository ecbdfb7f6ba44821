// Which schemas get a form, and which get JSON.

import { expect, test } from 'vitest';
import { isFormable } from '../../web/src/shared/form/formable.ts';

const object = (properties: object) => ({ type: 'object', properties: { ...properties } });

test('a schema with a field has a form', () => {
  expect(isFormable(object({ id: { type: 'string' } }))).toBe(true);
  expect(isFormable(object({ free: { type: 'object' }, id: { type: 'string' } }))).toBe(true);
  expect(isFormable(object({ order: object({ id: { type: 'string' } }) }))).toBe(true);
  expect(isFormable(object({ any: { $ref: '#/$defs/any' } }))).toBe(true);
});

test('a schema in which a person could enter nothing has none', () => {
  expect(isFormable(object({ order: { type: 'object' } }))).toBe(false);
  for (const schema of [undefined, true, [], {}, object({})]) {
    expect(isFormable(schema)).toBe(false);
  }
});
