// Operations on many runs: one slice of each in turn, a run that takes too long is failed, and errors end the job.

import { deepEqual, equal } from 'node:assert/strict';
import type { DueOperation } from './engine/engine.ts';
import { RunOperations } from './operations.ts';

const withCode = (code: string) => Object.assign(new Error(`error ${code}`), { code });

/** Operations with the numbers of runs that they have left; a call that `refuse` names fails. */
async function run(
  left: Record<string, number>,
  refuse: (id: string, limit: number) => Error | undefined = () => undefined,
  acceptsWork = () => true,
) {
  const slices: string[] = [];
  const failed: string[] = [];
  const errors: string[] = [];
  let announced = 0;
  let idle = 0;
  const operations = new RunOperations({
    engine: {
      dueOperations: () =>
        Promise.resolve(
          Object.entries(left)
            .filter(([, runs]) => runs > 0)
            .map(([operation_id]): DueOperation => ({ operation_id, place: 0 })),
        ),
      advanceOperation({ operation_id: id }, limit) {
        const error = refuse(id, limit);
        if (error) return Promise.reject(error);
        slices.push(id);
        const runs = Math.min(left[id] ?? 0, limit);
        left[id] = (left[id] ?? 0) - runs;
        return Promise.resolve(runs);
      },
      failOperationRun({ operation_id: id }) {
        failed.push(id);
        left[id] = (left[id] ?? 0) - 1;
        return Promise.resolve();
      },
    },
    acceptsWork,
    onSlice: () => {
      announced += 1;
    },
    onIdle: () => {
      idle += 1;
    },
    onError: (message) => errors.push(message),
  });
  operations.start();
  equal(operations.isBusy, true);
  await operations.settled();
  equal(idle, 1);
  return { slices, failed, errors, announced };
}

Deno.test('operations get their slices in turn until none is left', async () => {
  const { slices, announced } = await run({ large: 120, small: 10 });
  deepEqual(slices, ['large', 'small', 'large', 'large']);
  equal(announced, 3);
});

Deno.test('a run that takes too long alone is failed, and the others go on', async () => {
  let isSlow = true;
  const { slices, failed, errors } = await run({ a: 3 }, (_id, limit) => {
    if (!isSlow) return undefined;
    isSlow = limit > 1;
    return withCode(limit > 1 ? '57014' : '55P03');
  });
  deepEqual({ slices, failed, errors: errors.length }, { slices: ['a'], failed: ['a'], errors: 1 });
});

Deno.test('another error ends the job and fails no run', async () => {
  const { failed, errors } = await run({ a: 3 }, () => withCode('40P01'));
  deepEqual(failed, []);
  deepEqual(errors, ['a slice of an operation on many runs failed; it is repeated']);
});

Deno.test('a worker that stops starts no slice', async () => {
  const { slices } = await run({ a: 3 }, undefined, () => false);
  deepEqual(slices, []);
});
