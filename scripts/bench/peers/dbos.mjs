// DBOS Transact as it is used: in the process that starts the workflows, with its own defaults.

import { DBOS } from '@dbos-inc/dbos-sdk';
import pg from 'pg';

const { url, runs, inFlight, warmUp, oneByOne, steps } = JSON.parse(process.argv[2] ?? '');

const noop = async () => 1;
const linear = DBOS.registerWorkflow(
  async () => {
    for (let step = 1; step <= steps; step += 1) await DBOS.runStep(noop, { name: `s${step}` });
    return steps;
  },
  { name: 'linear' },
);

/** So many workflows, at most `atOnce` at a time; resolves with the milliseconds it took. */
async function many(count, atOnce) {
  let left = count;
  const begin = performance.now();
  const lane = async () => {
    while (left > 0) {
      left -= 1;
      const handle = await DBOS.startWorkflow(linear)();
      if ((await handle.getResult()) !== steps)
        throw new Error('a workflow returned something else');
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return performance.now() - begin;
}

/** Completed workflows and recorded steps in its tables. */
async function recorded(client) {
  const { rows } = await client.query(
    `select (select count(*)::int from dbos.workflow_status where status = 'SUCCESS') as workflows,
       (select count(*)::int from dbos.operation_outputs) as steps`,
  );
  return rows[0];
}

DBOS.setConfig({ name: 'bench', systemDatabaseUrl: url, logLevel: 'error' });
await DBOS.launch();
const client = new pg.Client({ connectionString: url });
await client.connect();

const before = await recorded(client);
await many(warmUp, inFlight);
const manyMs = await many(runs, inFlight);
const each = [];
for (let run = 0; run < oneByOne; run += 1) each.push(await many(1, 1));
const after = await recorded(client);

const wanted = warmUp + runs + oneByOne;
if (
  after.workflows - before.workflows !== wanted ||
  after.steps - before.steps !== wanted * steps
) {
  throw new Error(`recorded ${JSON.stringify(after)} after ${JSON.stringify(before)}`);
}
await client.end();
await DBOS.shutdown();
console.log(JSON.stringify({ manyMs, each }));
process.exit(0);
