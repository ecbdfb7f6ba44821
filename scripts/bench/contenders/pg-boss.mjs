// pg-boss: empty jobs, added before the measurement. It fetches and completes them in batches as large as the
// concurrency of all contenders; several fetchers with smaller batches are slower.

import pg from 'pg';
import { PgBoss } from 'pg-boss';

const { url, jobs, warmUp, inFlight } = JSON.parse(process.argv[2] ?? '');
const QUEUE = 'noop';

const client = new pg.Client({ connectionString: url });
await client.connect();
const boss = new PgBoss(url);
let failure;
boss.on('error', (error) => {
  failure = error;
});
await boss.start();
await boss.createQueue(QUEUE);

async function completed() {
  const { rows } = await client.query(
    `select count(*)::int as completed from pgboss.job where name = $1 and state = 'completed'`,
    [QUEUE],
  );
  return rows[0].completed;
}

async function work(count) {
  const before = await completed();
  await boss.insert(
    QUEUE,
    Array.from({ length: count }, () => ({ data: {} })),
  );
  // As autovacuum does within a minute.
  await client.query('analyze');
  let done = 0;
  const begin = performance.now();
  // By default it fetches one job every two seconds.
  const options = { batchSize: inFlight, burstWhenBatchFull: true };
  await boss.work(QUEUE, options, async (batch) => {
    done += batch.length;
  });
  while (done < count || (await completed()) - before < count) {
    if (failure) throw failure;
    await new Promise((resolve) => setTimeout(resolve, done < count ? 5 : 1));
  }
  const ms = performance.now() - begin;
  await boss.offWork(QUEUE);
  if (done !== count) throw new Error(`${done} jobs were done instead of ${count}`);
  return ms;
}

await work(warmUp);
const jobsMs = await work(jobs);
await client.end();
console.log(JSON.stringify({ jobsMs }));
process.exit(0);
