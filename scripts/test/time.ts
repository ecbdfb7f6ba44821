// Time limits grow with the machine: `npm test` measures it (machine.ts) and passes a factor to its parts. A test
// or check that is run by itself uses the limits as they are.

export const TIME_FACTOR = 'STEPBASE_TEST_TIME_FACTOR';

const factor = Math.max(1, Number(process.env[TIME_FACTOR]) || 1);

/** Milliseconds on the reference machine, as milliseconds on this one. */
export function scaled(ms: number): number {
  return Math.round(ms * factor);
}
