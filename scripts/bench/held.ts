// The cost of a held snapshot: while a transaction is open, vacuum removes none of the row versions that it may still
// read. Runs with HTTP steps leave many, and the last runs are compared with the same runs before the snapshot.

import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { BenchDatabase } from './environment.ts';
import { median } from './figures.ts';
import type { Stepbase } from './stepbase.ts';

export interface HeldOptions {
  workflow: string;
  inFlight: number;
  /** Runs executed while the snapshot is held, and how many of them are compared. */
  runs: number;
  part: number;
  oneByOne: number;
}

export interface HeldRatios {
  /** Steps/s of the last part relative to the part before the snapshot. */
  steps: number;
  /** The same for the speed of a single run. */
  run: number;
}

/** The steps that were fetched last leave their entries in the index of the queue for a moment. */
const SETTLE_MS = 1_000;

export async function measureHeld(
  stepbase: Stepbase,
  database: BenchDatabase,
  options: HeldOptions,
): Promise<HeldRatios> {
  const { workflow, inFlight, runs, part, oneByOne } = options;
  const measurePart = async () => {
    const manyMs = await stepbase.many(workflow, part, inFlight);
    await pause(SETTLE_MS);
    const each: number[] = [];
    for (let run = 0; run < oneByOne; run += 1) each.push((await stepbase.one(workflow, 0)).ms);
    return { manyMs, runMs: median(each) };
  };
  const free = await measurePart();
  const snapshot = new pg.Client({ connectionString: database.url, application_name: 'bench' });
  snapshot.on('error', () => undefined);
  await snapshot.connect();
  try {
    await snapshot.query('begin isolation level repeatable read');
    await snapshot.query('select count(*) from stepbase.workflows');
    await stepbase.many(workflow, runs - part, inFlight);
    const held = await measurePart();
    return { steps: free.manyMs / held.manyMs, run: free.runMs / held.runMs };
  } finally {
    await snapshot.end();
  }
}
