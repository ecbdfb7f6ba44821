// `npm run bench:queries`: how long the named queries take with a million runs (--runs N), median and
// 95th percentile of 20 calls each, in a stack of its own. Fails if a median exceeds the budget of its query.
//   --only TEXT   only the queries whose name contains the text

import { parseArgs } from 'node:util';
import pg from 'pg';
import { createDatabase } from '../stack/databases.ts';
import { startThrowawayStack } from '../stack/throwaway.ts';
import { becomeMember, fill } from './fill.ts';
import { NAMED_QUERIES, type NamedQuery, type Sample } from './named-queries.ts';

const CALLS = 20;
const { values } = parseArgs({
  options: { runs: { type: 'string', default: '1000000' }, only: { type: 'string', default: '' } },
});
const runs = Number(values.runs);

async function once(client: pg.Client, query: NamedQuery, sample: Sample): Promise<number> {
  await client.query('begin');
  try {
    if (query.as === 'member') await becomeMember(client);
    if (query.hasIndexesOnly) await client.query('set local enable_seqscan = off');
    const started = performance.now();
    await client.query(query.text, query.values(sample));
    return performance.now() - started;
  } finally {
    await client.query('rollback');
  }
}

const stack = await startThrowawayStack({ functions: false, web: false, seed: false });
try {
  const database = await createDatabase(stack.info);
  const admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
  const started = performance.now();
  const sample = await fill(admin, runs);
  await admin.end();
  console.log(`${runs} runs filled in ${((performance.now() - started) / 1000).toFixed(0)} s`);
  const client = new pg.Client({ connectionString: database.url, statement_timeout: 60_000 });
  await client.connect();
  console.log('| query | median ms | p95 ms | budget ms |\n| --- | ---: | ---: | ---: |');
  for (const query of NAMED_QUERIES.filter(({ name }) => name.includes(values.only))) {
    const times: number[] = [];
    for (let call = 0; call < CALLS; call += 1) times.push(await once(client, query, sample));
    times.sort((a, b) => a - b);
    const at = (share: number) => (times[Math.floor((CALLS - 1) * share)] ?? 0).toFixed(1);
    console.log(`| ${query.name} | ${at(0.5)} | ${at(0.95)} | ${query.budgetMs ?? ''} |`);
    if (Number(at(0.5)) > (query.budgetMs ?? Number.POSITIVE_INFINITY)) {
      console.error(`${query.name} exceeds its budget`);
      process.exitCode = 1;
    }
  }
  await client.end();
  await database.drop();
} finally {
  await stack.stop();
}
