// The edges of a condition: by text, by truth, by default, or none.

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { chooseHandle } from './handles.ts';
import { condition } from './steps/condition.ts';
import type { Completed, StepContext } from './steps/index.ts';
import { testContext } from './steps/testing.ts';

async function choose(value: unknown, handles: (string | null)[]): Promise<Completed> {
  const ctx = testContext({ input: { value } as StepContext['input'] });
  const result = await condition.run({ expression: 'input.value' }, ctx);
  assert.ok(result.kind === 'completed');
  return chooseHandle(
    result,
    handles.map((handle) => ({ handle })),
  );
}

Deno.test('a number takes the edge with its text', async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.integer(), fc.constantFrom(0.5, -1.25, 1e21)), async (number) => {
      const handle = String(number);
      const chosen = await choose(number, ['x', handle, 'default', 'true', 'false']);
      assert.equal(chosen.handle, handle);
      assert.equal(chosen.takesNoEdge, undefined);
    }),
  );
  assert.equal((await choose(0.1 + 0.2, ['0.3', 'default'])).handle, '0.3');
});

Deno.test('a number without an edge of its own is true or false', async () => {
  assert.equal((await choose(7, ['true', 'default'])).handle, 'true');
  assert.equal((await choose(0, ['true', 'false'])).handle, 'false');
  assert.equal((await choose(3, [null])).handle, 'true');
});

Deno.test('the edge default takes every value that no other edge takes', async () => {
  for (const value of [500, 'other', true, false, null, [], {}, '', 'default']) {
    const chosen = await choose(value, ['200', 'a', 'default']);
    assert.deepEqual([chosen.handle, chosen.takesNoEdge], ['default', undefined]);
  }
  assert.equal((await choose('a', ['200', 'a', 'default'])).handle, 'a');
});

Deno.test('a value without an edge is marked and keeps its handle', async () => {
  const cases: [unknown, string][] = [
    [500, '500'],
    ['other', 'other'],
    [false, 'false'],
  ];
  for (const [value, handle] of cases) {
    const chosen = await choose(value, ['200', 'error']);
    assert.deepEqual([chosen.handle, chosen.takesNoEdge], [handle, true]);
  }
  // An edge without a handle is taken with every value.
  assert.equal((await choose('other', ['200', null])).takesNoEdge, undefined);
});
