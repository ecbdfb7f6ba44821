// The long form of `npm run chaos`: hundreds of runs, and a worker is killed every second for a minute.

import { expect, test } from 'vitest';
import { LONG } from '../../scripts/chaos/chaos.ts';
import { runChaos } from '../engine/chaos.ts';
import { scaled } from '../support/time.ts';

const LIMIT_MS = scaled(6 * 60_000);

test(
  'runs survive a minute of killed workers, database crashes and lost Redis',
  async () => {
    const report = await runChaos([], LIMIT_MS);
    expect(report).toMatchObject({
      runs: LONG.runs,
      lost: 0,
      completed_twice: 0,
      illegal_sequences: 0,
      orphan_jobs: 0,
    });
    expect(report.kills).toBeGreaterThanOrEqual(LONG.kills / 2);
  },
  LIMIT_MS + 10_000,
);
