// The measurements of a workflow engine: the same work, in the same order, for each.

import pg from 'pg';
import { count } from '../costs.ts';

export const task = JSON.parse(process.argv[2] ?? '');

/** The step of the runs with HTTP steps. */
export async function call() {
  const answer = await fetch(task.callingUrl);
  await answer.text();
  if (!answer.ok) throw new Error(`the HTTP server answered ${answer.status}`);
  return answer.status;
}

/**
 * Measures and prints the result. `linear` and `calling` execute one run and resolve when it has ended. `recorded` is a
 * query for the completed runs and steps (`runs`, `steps`) in the engine's tables, which are in `schemas`.
 */
export async function measure({ schemas, linear, calling, recorded }) {
  const { runs, inFlight, warmUp, oneByOne, loneRuns, callingRuns, steps, work } = task;
  const client = new pg.Client({ connectionString: task.url });
  await client.connect();
  const recordedNow = async () => (await client.query(recorded)).rows[0];
  const counters = {
    client,
    schemas,
    postmaster: task.postmaster,
    // Node and the C library ask the kernel.
    workerCpuMs: async () => (process.cpuUsage().user + process.cpuUsage().system) / 1_000,
  };
  let wanted = 0;

  /** Executes `number` runs, at most `atOnce` at a time; resolves with the milliseconds it took. */
  const many = async (run, number, atOnce) => {
    wanted += number;
    let left = number;
    const begin = performance.now();
    const lane = async () => {
      while (left > 0) {
        left -= 1;
        await run();
      }
    };
    await Promise.all(Array.from({ length: atOnce }, lane));
    return performance.now() - begin;
  };
  const oneAfterAnother = async (run, number) => {
    const each = [];
    for (let i = 0; i < number; i += 1) each.push(await many(run, 1, 1));
    return each;
  };

  const before = await recordedNow();
  // As autovacuum and the checkpointer do within a minute.
  const quiesce = async () => {
    await client.query('analyze');
    await client.query('checkpoint');
  };
  const result = {};
  if (work.lone) {
    await oneAfterAnother(calling, loneRuns);
    await quiesce();
    result.calm = await oneAfterAnother(calling, loneRuns);
  }
  if (work.steps || work.one) await many(linear, warmUp, inFlight);
  if (work.calling || work.lone) await many(calling, warmUp, inFlight);
  await quiesce();
  if (work.steps) result.steps = await count(counters, () => many(linear, runs, inFlight));
  if (work.one) result.each = await oneAfterAnother(linear, oneByOne);
  if (work.calling || work.lone) {
    result.calling = await count(counters, () => many(calling, callingRuns, inFlight));
  }
  if (work.lone) result.after_burst = await oneAfterAnother(calling, loneRuns);

  const after = await recordedNow();
  if (after.runs - before.runs !== wanted || after.steps - before.steps !== wanted * steps) {
    throw new Error(`recorded ${JSON.stringify(after)} after ${JSON.stringify(before)}`);
  }
  await client.end();
  console.log(JSON.stringify(result));
}
