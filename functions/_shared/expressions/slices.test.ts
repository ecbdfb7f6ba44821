// The time limit of an expression counts the time in which it runs.

import assert from 'node:assert/strict';
import { cpuTime } from '../clock/cpu.ts';
import { ExpressionError } from './errors.ts';
import { nextSlice, timeoutMs } from './slices.ts';

/** Blocks the thread: without use of the processor, as a busy machine does, or with it. */
const block = {
  idle: (ms: number) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms),
  busy: (ms: number) => {
    const begun = cpuTime() ?? 0;
    while ((cpuTime() ?? 0) - begun < ms);
  },
};

const isTimeout = (error: unknown) =>
  error instanceof ExpressionError && error.code === 'expression_timeout';

Deno.test('time in which the process does not run is not counted', async () => {
  const base = {};
  await nextSlice(null, null, { base });
  block.idle(timeoutMs + 100);
  if (cpuTime() === undefined) {
    // Without a CPU clock, the time that passed is the only measurement.
    assert.throws(() => nextSlice(null, null, { base }), isTimeout);
    return;
  }
  await nextSlice(null, null, { base });
  block.busy(timeoutMs / 2);
  await nextSlice(null, null, { base });
  block.busy(timeoutMs / 2 + 100);
  assert.throws(() => nextSlice(null, null, { base }), isTimeout);
});
