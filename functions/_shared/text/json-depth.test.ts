// The depth of JSON text is measured without parsing it.
import { strictEqual } from 'node:assert/strict';
import fc from 'fast-check';
import { nestsDeeperThan } from './json-depth.ts';

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

Deno.test('the measured depth is that of the parsed value', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 8 }), fc.nat({ max: 10 }), (value, limit) => {
      strictEqual(nestsDeeperThan(JSON.stringify(value), limit), depthOf(value) > limit);
    }),
  );
});

Deno.test('brackets in strings do not count, and broken JSON is no error', () => {
  strictEqual(nestsDeeperThan('["[[[[", "\\"[[["]', 1), false);
  strictEqual(nestsDeeperThan('"[[[', 1), false);
  strictEqual(nestsDeeperThan(']]][[', 1), false);
  strictEqual(nestsDeeperThan('['.repeat(100_000), 200), true);
});
