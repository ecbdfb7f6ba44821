// The payloads of NOTIFY as wake-ups.

import assert from 'node:assert/strict';
import { parseWakeup } from './listener.ts';

const RUN_ID = '01a22511-c66f-7861-8420-41368f7065c6';

for (const [payload, wakeup] of [
  ['steps', { kind: 'steps' }],
  ['outbox', { kind: 'outbox' }],
  ['admit', { kind: 'admit' }],
  ['due', { kind: 'due' }],
  [`cancel:${RUN_ID}`, { kind: 'cancel', runId: RUN_ID }],
  [`stop:${RUN_ID}`, { kind: 'stop', stepRunId: RUN_ID }],
  ['', undefined],
  ['everything', undefined],
] as const) {
  Deno.test(`the payload "${payload}" is ${wakeup ? 'a wake-up' : 'ignored'}`, () => {
    assert.deepEqual(parseWakeup(payload), wakeup);
  });
}
