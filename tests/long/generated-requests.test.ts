// The long form of the generated requests: 20,000, in parts with seeds and applications of their own.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sendGenerated } from '../api/generated.ts';
import { type Api, startApi } from '../api/support.ts';
import { scaled } from '../support/time.ts';

const PARTS = 10;
const REQUESTS = 2_000;
const LIMIT_MS = 20 * 60_000;

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api?.stop());

test(
  '20,000 generated requests cause no server error and no undocumented answer',
  async () => {
    for (let part = 0; part < PARTS; part += 1) {
      const seed = 1_000_000 * (part + 1);
      const summary = await sendGenerated(api, { requests: REQUESTS, seed });
      console.log(`seed ${seed}: ${summary.succeeded} of ${summary.requests} succeeded`);
      expect(summary.faults, `seed ${seed}`).toEqual([]);
      expect(summary.without, `seed ${seed}`).toEqual([]);
      expect(summary.succeeded / summary.requests, `seed ${seed}`).toBeGreaterThanOrEqual(0.3);
    }
  },
  scaled(LIMIT_MS),
);
