// The validator of forms: errors are at the fields that they are about, in the words of a person, and conditions of a
// schema choose their branch.

import { expect, test } from 'vitest';
import { validator } from '../../web/src/shared/form/validator.ts';

const schema = {
  type: 'object',
  required: ['email'],
  properties: {
    email: { type: 'string', minLength: 3 },
    lines: {
      type: 'array',
      items: { type: 'object', required: ['sku'], properties: { sku: { type: 'string' } } },
    },
    'a/b': { type: 'integer' },
  },
} as const;

const errorsOf = (data: unknown) =>
  validator
    .validateFormData(data, structuredClone(schema) as never)
    .errors.map(({ property, message }) => `${property} ${message}`);

test('an error names its field', () => {
  expect(errorsOf({ email: 'kim@example.com', lines: [{ sku: 'x' }] })).toEqual([]);
  expect(errorsOf({})).toEqual(['.email is required']);
  expect(errorsOf({ email: 'kim', lines: [{ sku: 'x' }, {}] })).toEqual([
    '.lines.1.sku is required',
  ]);
  expect(errorsOf({ email: 'kim', 'a/b': 1.5 })).toEqual([expect.stringMatching(/^\.a\/b /)]);
  const { errorSchema } = validator.validateFormData({ email: 'k' }, schema as never);
  expect(errorSchema).toMatchObject({ email: { __errors: [expect.any(String)] } });
});

test('a custom rule adds its error', () => {
  const { errors } = validator.validateFormData(
    { email: 'kim@example.com' },
    schema as never,
    (_data, at) => {
      at.email?.addError('is taken');
      return at;
    },
  );
  expect(errors.map(({ message }) => message)).toEqual(['is taken']);
});

test('a schema matches or not, with references of the whole schema', () => {
  const whole = { $defs: { code: { type: 'string', maxLength: 2 } } };
  const part = { properties: { code: { $ref: '#/$defs/code' } } };
  expect(validator.isValid(part as never, { code: 'de' }, whole as never)).toBe(true);
  expect(validator.isValid(part as never, { code: 'deu' }, whole as never)).toBe(false);
  expect(validator.isValid({ $ref: '#/$defs/none' } as never, {}, whole as never)).toBe(false);
});

test('a schema that cannot be used is an error of the form', () => {
  const broken = { $ref: '#/$defs/none' } as never;
  expect(validator.validateFormData({}, broken).errors[0]?.stack).toMatch(/schema is not valid/);
  expect(validator.rawValidation(broken, {}).validationError).toBeInstanceOf(Error);
});
