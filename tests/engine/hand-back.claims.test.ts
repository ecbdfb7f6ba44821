// Steps that a worker hands back: whether they count as taken over, which ends a step after the fifth time,
// is a matter of whether anybody began them. Played in a transaction that is rolled back.

import { beforeAll, expect, test } from 'vitest';
import { type Bench, bench, value } from './support.ts';

let b: Bench;
beforeAll(async () => {
  b = await bench();
});

/** The claims that workers get, one after the other, each of which hands the step back. */
async function claims(times: number, isBegun: boolean): Promise<number[]> {
  const workflow = await b.publish([value('a')]);
  const db = await b.db.connect();
  try {
    await db.query('begin');
    const { rows: runs } = await db.query<{ id: string }>(
      `select (engine.start_run('acme', w.published_version_id, '{}')).id
       from public.workflows w where w.kebab_name = $1`,
      [workflow],
    );
    const runId = runs[0]?.id;
    const { rows: jobs } = await db.query<{ id: string }>(
      "select id from pgboss.job where name = 'steps' and data ->> 'run_id' = $1",
      [runId],
    );
    const jobId = jobs[0]?.id;
    const found: number[] = [];
    for (let n = 0; n < times; n += 1) {
      const { rows } = await db.query<{ step_run_id: string; claim: number }>(
        'select step_run_id, claim from engine.claim(array[$1::uuid], array[$2::uuid])',
        [jobId, runId],
      );
      const [work] = rows;
      if (!work) throw new Error('the token carries nothing');
      found.push(work.claim);
      await db.query('select engine.release(array[$1::uuid], $2::uuid[], $3::int[])', [
        jobId,
        isBegun ? [] : [work.step_run_id],
        isBegun ? [] : [work.claim],
      ]);
    }
    return found;
  } finally {
    await db.query('rollback');
    db.release();
  }
}

test('a step that was begun and is handed back counts as taken over', async () => {
  expect(await claims(3, true)).toEqual([1, 2, 3]);
});

test('a step that nobody began does not, however often it is handed back', async () => {
  expect(await claims(7, false)).toEqual([1, 1, 1, 1, 1, 1, 1]);
});
