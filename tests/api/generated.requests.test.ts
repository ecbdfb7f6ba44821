// Requests generated from the OpenAPI document: no server error, no answer that the document does not describe, and a
// success on every operation. tests/long has the long form.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { scaled } from '../support/time.ts';
import { sendGenerated } from './generated.ts';
import { type Api, startApi } from './support.ts';

const REQUESTS = 600;
const SEED = 20261129;

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api?.stop());

it(
  'causes no server error, and succeeds on every operation',
  async () => {
    const summary = await sendGenerated(api, { requests: REQUESTS, seed: SEED });
    console.log(`${summary.succeeded} of ${summary.requests} generated requests succeeded`);
    expect(summary.faults).toEqual([]);
    expect(summary.without).toEqual([]);
    expect(summary.succeeded / summary.requests).toBeGreaterThanOrEqual(0.3);
  },
  scaled(180_000),
);
