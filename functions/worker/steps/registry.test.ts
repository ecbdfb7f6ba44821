// Step types and their handlers belong together one to one.

import assert from 'node:assert/strict';
import { stepTypes } from '../../_shared/step-types/index.ts';
import { stepHandlers } from './index.ts';

Deno.test('every step type has a handler, and every handler a step type', () => {
  assert.deepEqual([...stepHandlers.keys()].sort(), stepTypes.map(({ name }) => name).sort());
  for (const stepType of stepTypes) {
    assert.equal(stepHandlers.get(stepType.name)?.stepType, stepType, stepType.name);
  }
});

Deno.test('no step type and no handler is listed twice', () => {
  assert.equal(new Set(stepTypes.map(({ name }) => name)).size, stepTypes.length);
  assert.equal(stepHandlers.size, stepTypes.length);
});

Deno.test('handlers check configs with the schema of their type; two differ for a stated reason', () => {
  const own = [...stepHandlers.values()].filter(({ schema }) => schema !== undefined);
  assert.deepEqual(own.map(({ stepType }) => stepType.name).sort(), [
    'for_each',
    'wait_for_signal',
  ]);
});
