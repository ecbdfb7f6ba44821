// The part of the OpenAPI document that the page of the API gives to Swagger UI for one operation.

import { expect, test } from 'vitest';
import { neededFor } from '../../web/src/api/needed.ts';
import { DOCUMENT } from '../api/contract.ts';

const document = DOCUMENT as unknown as Record<string, unknown>;

/** All references in a value. */
const references = (value: unknown): string[] =>
  [...JSON.stringify(value).matchAll(/"\$ref":"([^"]+)"/g)].map(([, reference = '']) => reference);

const at = (value: unknown, reference: string): unknown =>
  reference
    .replace('#/', '')
    .split('/')
    .reduce<unknown>((inner, key) => (inner as Record<string, unknown>)?.[key], value);

test('each operation gets what it refers to, and little else', () => {
  const whole = JSON.stringify(document).length;
  let operations = 0;
  for (const [path, methods] of Object.entries(DOCUMENT.paths)) {
    for (const method of Object.keys(methods)) {
      operations += 1;
      const needed = neededFor(document, ['paths', path, method]);
      expect(needed.paths).toEqual({ [path]: { [method]: methods[method] } });
      for (const reference of references(needed)) {
        expect(at(needed, reference), reference).toEqual(at(document, reference));
      }
      expect(JSON.stringify(needed).length).toBeLessThan(whole / 5);
    }
  }
  expect(operations).toBeGreaterThan(100);
});

test('a reference to another document keeps the whole one', () => {
  const other = {
    paths: { '/a': { get: { $ref: 'https://example.com/a.json' } } },
    openapi: '3.1.0',
  };
  expect(neededFor(other, ['paths', '/a', 'get'])).toBe(other);
});
