// A job that runs at most once at a time: a start is never lost, at whichever moment of a run it comes.

import { deepEqual, equal } from 'node:assert/strict';
import { settled } from '../_shared/clock/testing.ts';
import { SingleJob } from './single-job.ts';

/** Resolves after so many turns of the queue of promises. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await Promise.resolve();
}

Deno.test('a job runs once at a time, and once more for all starts during a run', async () => {
  const log: string[] = [];
  let end = () => {};
  const job = new SingleJob(
    async () => {
      log.push('begins');
      await new Promise<void>((resolve) => {
        end = resolve;
      });
      log.push('ends');
    },
    () => log.push('idle'),
  );
  job.start();
  job.start();
  job.start();
  deepEqual([log, job.isBusy], [['begins'], true]);
  end();
  await settled();
  deepEqual(log, ['begins', 'ends', 'begins']);
  end();
  await job.settled();
  deepEqual([log, job.isBusy], [['begins', 'ends', 'begins', 'ends', 'idle'], false]);
  job.start();
  deepEqual([log.at(-1), job.isBusy], ['begins', true]);
});

Deno.test('what comes at the end of a run is done, whichever step of it ends', async () => {
  for (let turn = 0; turn < 12; turn += 1) {
    const waiting = ['first'];
    const done: string[] = [];
    const job = new SingleJob(
      async () => {
        done.push(...waiting.splice(0));
        await Promise.resolve();
      },
      () => undefined,
    );
    job.start();
    await turns(turn);
    waiting.push('second');
    job.start();
    await settled();
    deepEqual([turn, done], [turn, ['first', 'second']]);
    equal(job.isBusy, false);
  }
});
