// How much of each kind of work is measured. docs/performance.md shows the full size; the others are for
// experiments and for the test of the benchmark itself.

export interface Sizes {
  /** Runs of ten steps, the number in flight, and the runs before the measurement. */
  runs: number;
  inFlight: number;
  warmUp: number;
  /** Runs of ten steps that make an HTTP call each, with the same number in flight. */
  callingRuns: number;
  /** Runs one after another. */
  oneByOne: number;
  /** The same with steps that make an HTTP call, on a calm system and again right after a burst. */
  loneRuns: number;
  /** Runs whose messages are counted. */
  messageRuns: number;
  /** Raw jobs for a queue. */
  jobs: number;
  /** Branches of a fan-out, and the number of its runs. */
  branches: number;
  fanOuts: number;
  /** Steps (HTTP calls) of a long run, how many of its first and last are compared, and the number of runs. */
  longSteps: number;
  longEnds: number;
  longRuns: number;
  /** Runs with HTTP steps while a snapshot is held, how many of the last are compared, and runs one after another. */
  heldRuns: number;
  heldPart: number;
  heldOneByOne: number;
  /** Finished runs (ten steps, thirty events each) in the loaded database. */
  history: number;
  idleSeconds: number;
}

export const FULL: Sizes = {
  runs: 1_000,
  inFlight: 100,
  warmUp: 100,
  callingRuns: 300,
  oneByOne: 100,
  loneRuns: 20,
  messageRuns: 3,
  jobs: 10_000,
  branches: 1_000,
  fanOuts: 3,
  longSteps: 500,
  longEnds: 50,
  longRuns: 5,
  heldRuns: 5_000,
  heldPart: 500,
  heldOneByOne: 50,
  history: 100_000,
  idleSeconds: 60,
};

export const QUICK: Sizes = {
  runs: 300,
  inFlight: 100,
  warmUp: 50,
  callingRuns: 100,
  oneByOne: 30,
  loneRuns: 10,
  messageRuns: 3,
  jobs: 3_000,
  branches: 300,
  fanOuts: 2,
  longSteps: 200,
  longEnds: 50,
  longRuns: 3,
  heldRuns: 1_000,
  heldPart: 200,
  heldOneByOne: 20,
  history: 5_000,
  idleSeconds: 10,
};

export const TINY: Sizes = {
  runs: 5,
  inFlight: 3,
  warmUp: 1,
  callingRuns: 3,
  oneByOne: 2,
  loneRuns: 2,
  messageRuns: 1,
  jobs: 20,
  branches: 20,
  fanOuts: 1,
  longSteps: 12,
  longEnds: 4,
  longRuns: 1,
  heldRuns: 4,
  heldPart: 2,
  heldOneByOne: 2,
  history: 50,
  idleSeconds: 1,
};

export const STEPS = 10;
