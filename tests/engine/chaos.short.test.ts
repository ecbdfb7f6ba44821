// The short form of `npm run chaos`; tests/long has the long one.

import { expect, test } from 'vitest';
import { SHORT } from '../../scripts/chaos/chaos.ts';
import { scaled } from '../support/time.ts';
import { runChaos } from './chaos.ts';

const LIMIT_MS = scaled(100_000);

test(
  'runs survive killed workers, a database crash and an unavailable Redis',
  async () => {
    const report = await runChaos(['--short'], LIMIT_MS);
    expect(report).toMatchObject({
      runs: SHORT.runs,
      lost: 0,
      completed_twice: 0,
      illegal_sequences: 0,
      orphan_jobs: 0,
    });
    expect(report.kills).toBeGreaterThanOrEqual(2);
  },
  LIMIT_MS + 10_000,
);
