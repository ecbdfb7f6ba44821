// Time limits of tests grow with the machine: `npm test` measures it and passes a factor (scripts/test/machine.ts).
// A test file that is run by itself uses the limits as they are.

const factor = Math.max(1, Number(process.env.STEPBASE_TEST_TIME_FACTOR) || 1);

/** Milliseconds on the reference machine, as milliseconds on this one. */
export function scaled(ms: number): number {
  return Math.round(ms * factor);
}
