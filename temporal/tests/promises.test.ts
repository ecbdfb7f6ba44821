// How many promises a step takes in the workflow. Temporal's SDK takes the stack of each one, so they are what a step costs a
// worker.

import { promiseHooks } from 'node:v8';
import { expect, test } from 'vitest';
import { value } from '../../tests/engine/support.ts';
import { hostWorkflows } from './host.ts';
import { type Started, temporal, version } from './support.ts';

const t = temporal();

/** It is 38, half of them in the SDK. Waiting for the next turn by `await undefined` would make it 433. */
const MOST = 60;

/** `Function` of the realm of the promise, in which the SDK keeps the workflow. */
const isInWorkflow = (promise: Promise<unknown>): boolean =>
  promise.constructor.constructor('return "__TEMPORAL_ACTIVATOR__" in globalThis')() as boolean;

async function promisesIn(work: () => Promise<unknown>): Promise<number> {
  let count = 0;
  const stop = promiseHooks.onInit((promise) => {
    if (isInWorkflow(promise)) count += 1;
  });
  try {
    await work();
  } finally {
    stop();
  }
  return count;
}

test('a step takes few promises', async () => {
  const chain = (length: number) =>
    version(
      Array.from({ length }, (_, at) => value(`s${at}`)),
      Array.from({ length: length - 1 }, (_, at) => `s${at} > s${at + 1}`),
    );
  const [short, long] = [chain(2), chain(12)];
  const host = await hostWorkflows({ connection: t.connection, versions: [short, long] });
  try {
    const runs = await Promise.all([t.start(short), t.start(long)]);
    await Promise.all(runs.map(({ handle }) => handle.result()));
    // A replay executes the workflow in this thread.
    const count = ({ handle }: Started) => promisesIn(() => host.replay([handle]));
    const [few, many] = [await count(runs[0] as Started), await count(runs[1] as Started)];
    expect(few).toBeGreaterThan(20);
    expect((many - few) / 10).toBeLessThan(MOST);
  } finally {
    await host.stop();
  }
});
