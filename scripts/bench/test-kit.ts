// npm run bench:test-kit [-- --rounds N] [--json]
// What the test kit costs: the start of a server, the database of a test file, and one test of a workflow, as ratios to the
// start of one server. Progress goes to standard error, the result to standard output.

import { parseArgs } from 'node:util';
import { defineWorkflow, expr, shape } from '../../sdk/src/workflow/index.ts';
import { startServer } from '../../test-kit/src/cluster.ts';
import { createTestKit, httpOutput } from '../../test-kit/src/index.ts';
import { SERVER_VARIABLE } from '../../test-kit/src/server.ts';
import { withClient } from '../stack/postgres/connection.ts';
import { median } from './figures.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string' }, json: { type: 'boolean' } },
});
const rounds = Number(values.rounds ?? 7);
if (!Number.isInteger(rounds) || rounds < 1) {
  console.error('bench:test-kit: --rounds is a whole number from 1');
  process.exit(2);
}

/** A branch, an approval and a mocked call: three steps and a person. */
const workflow = defineWorkflow('bench', { input: shape<{ total: number }>() }, (w) => {
  const fetch = w.httpRequest('fetch', { url: 'https://shop.example' });
  const large = w.condition(
    'large',
    { expression: expr<boolean>`${w.input.total} > 100` },
    { after: fetch },
  );
  w.waitForApproval('ask', { title: 'Ship?' }, { after: large.on('true') });
});

const ROWS = {
  start: 'start of one server, on a copy of the prepared cluster',
  clone: 'copy of the template database, made ahead for the next test file',
  kit: 'kit of a test file, its database being ready',
  publish: 'workflow saved and published',
  test: 'test of a workflow: three steps, a mock, an approval',
  reset: 'reset before the next test',
} as const;
type Row = keyof typeof ROWS;
const times: Record<Row, number[]> = {
  start: [],
  clone: [],
  kit: [],
  publish: [],
  test: [],
  reset: [],
};

async function timed<T>(row: Row, work: () => Promise<T>): Promise<T> {
  const begin = performance.now();
  const result = await work();
  times[row].push(performance.now() - begin);
  return result;
}

for (let round = 0; round <= rounds; round += 1) {
  const server = await timed('start', startServer);
  process.env[SERVER_VARIABLE] = server.adminUrl;
  try {
    await timed('clone', () =>
      withClient(server.adminUrl, (client) =>
        client.query('create database bench template stepbase_template strategy file_copy'),
      ),
    );
    // The first kit waits for its database; the second one finds it ready.
    const first = await createTestKit();
    await first.workflow(workflow);
    const kit = await timed('kit', () => createTestKit());
    const published = await timed('publish', () => kit.workflow(workflow));
    kit.mock('fetch', () => httpOutput({}));
    await timed('test', async () => {
      const run = await (await published.start({ total: 700 })).settled();
      await run.task('ask').approve();
      if (run.status !== 'completed') throw new Error(`the run is ${run.status}`);
    });
    await timed('reset', () => kit.reset());
    await Promise.all([first.close(), kit.close()]);
  } finally {
    delete process.env[SERVER_VARIABLE];
    await server.stop();
  }
  // The first round warms the caches of the machine.
  if (round === 0) for (const list of Object.values(times)) list.length = 0;
  console.error(`round ${round} of ${rounds}`);
}

const start = median(times.start);
const rows = Object.entries(ROWS).map(([row, what]) => {
  const ms = median(times[row as Row]);
  return { row, what, ms: Math.round(ms), ratio: Number((ms / start).toFixed(3)) };
});
if (values.json) console.log(JSON.stringify(rows));
else {
  console.log('| what | ms | starts |\n| --- | ---: | ---: |');
  for (const { what, ms, ratio } of rows) console.log(`| ${what} | ${ms} | ${ratio} |`);
}
