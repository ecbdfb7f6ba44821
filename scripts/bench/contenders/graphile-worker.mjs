// graphile-worker: empty jobs, added before the measurement, with the library's defaults and the concurrency of all
// contenders.

import { Logger, run, runMigrations } from 'graphile-worker';
import pg from 'pg';

const { url, jobs, warmUp, inFlight } = JSON.parse(process.argv[2] ?? '');
const logger = new Logger(() => () => undefined);

const client = new pg.Client({ connectionString: url });
await client.connect();
await runMigrations({ connectionString: url, logger });

async function work(count) {
  await client.query(
    `select graphile_worker.add_jobs(array(
       select json_populate_record(null::graphile_worker.job_spec, json_build_object('identifier', 'noop', 'payload', '{}'::json))
       from generate_series(1, $1::int)
     ))`,
    [count],
  );
  // As autovacuum does within a minute; on a table without jobs it would mislead the planner.
  await client.query('analyze');
  let done = 0;
  const begin = performance.now();
  const runner = await run({
    connectionString: url,
    concurrency: inFlight,
    noHandleSignals: true,
    logger,
    taskList: {
      noop: async () => {
        done += 1;
      },
    },
  });
  // A finished job is deleted from the table.
  let left = count;
  while (left > 0) {
    await new Promise((resolve) => setTimeout(resolve, done < count ? 5 : 1));
    if (done < count) continue;
    const { rows } = await client.query('select count(*)::int as left from graphile_worker.jobs');
    left = rows[0].left;
  }
  const ms = performance.now() - begin;
  await runner.stop();
  if (done !== count) throw new Error(`${done} jobs were done instead of ${count}`);
  return ms;
}

await work(warmUp);
const jobsMs = await work(jobs);
await client.end();
console.log(JSON.stringify({ jobsMs }));
process.exit(0);
