// DBOS Transact in its usual form: in the process that starts the workflows, with its defaults.

import { DBOS } from '@dbos-inc/dbos-sdk';
import pg from 'pg';

const { url, runs, inFlight, warmUp, oneByOne, steps, callingRuns, callingUrl } = JSON.parse(
  process.argv[2] ?? '',
);

const noop = async () => 1;
const linear = DBOS.registerWorkflow(
  async () => {
    for (let step = 1; step <= steps; step += 1) await DBOS.runStep(noop, { name: `s${step}` });
    return steps;
  },
  { name: 'linear' },
);

const call = async () => {
  const answer = await fetch(callingUrl);
  await answer.text();
  if (!answer.ok) throw new Error(`the HTTP server answered ${answer.status}`);
  return answer.status;
};
const calling = DBOS.registerWorkflow(
  async () => {
    for (let step = 1; step <= steps; step += 1) await DBOS.runStep(call, { name: `s${step}` });
    return steps;
  },
  { name: 'calling' },
);

/** Runs `count` workflows, at most `atOnce` at a time; resolves with the milliseconds it took. */
async function many(workflow, count, atOnce) {
  let left = count;
  const begin = performance.now();
  const lane = async () => {
    while (left > 0) {
      left -= 1;
      const handle = await DBOS.startWorkflow(workflow)();
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
await many(linear, warmUp, inFlight);
// As autovacuum does within a minute.
await client.query('analyze');
const manyMs = await many(linear, runs, inFlight);
const each = [];
for (let run = 0; run < oneByOne; run += 1) each.push(await many(linear, 1, 1));
await many(calling, warmUp, inFlight);
const callingMs = await many(calling, callingRuns, inFlight);
const after = await recorded(client);

const wanted = 2 * warmUp + runs + oneByOne + callingRuns;
if (
  after.workflows - before.workflows !== wanted ||
  after.steps - before.steps !== wanted * steps
) {
  throw new Error(`recorded ${JSON.stringify(after)} after ${JSON.stringify(before)}`);
}
await client.end();
await DBOS.shutdown();
console.log(JSON.stringify({ manyMs, each, callingMs }));
process.exit(0);
