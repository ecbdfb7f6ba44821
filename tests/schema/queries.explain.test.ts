// In a database with 100,000 runs, every named query finds its rows by an index, with row-level security. And
// docs/internals/indexes.md lists every index of the tables with rows per run, step and event: each serves a named query
// or a constraint that the page names. One file, because both need the same rows.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fill } from '../../scripts/bench/fill.ts';
import { NAMED_QUERIES, type Sample } from '../../scripts/bench/named-queries.ts';
import { ROOT } from '../../scripts/stack/options.ts';
import { freshDatabase } from '../support/stack.ts';
import { scaled } from '../support/time.ts';
import { explain, type PlanNode } from './plans.ts';

/** The name of the table; for a partition, that of its parent. */
const tableOf = (node: PlanNode) => node['Relation Name']?.replace(/_(default|\d{4}_\d{2})$/, '');

const rowsRead = (node: PlanNode) =>
  (node['Actual Rows'] ?? 0) + (node['Rows Removed by Filter'] ?? 0);

/** In the first minutes of a month its partition has a few rows in a few blocks, which no index makes cheaper. */
const isNewPartition = (node: PlanNode) =>
  node['Relation Name'] !== tableOf(node) && rowsRead(node) < 500;

let client: pg.Client;
let sample: Sample;

beforeAll(async () => {
  const database = await freshDatabase();
  const admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
  sample = await fill(admin, 100_000);
  await admin.end();
  client = new pg.Client({ connectionString: database.url, statement_timeout: scaled(20_000) });
  await client.connect();
}, scaled(240_000));

afterAll(async () => {
  await client?.end();
});

describe('in a database with 100,000 runs, an index serves the query', () => {
  test.each(NAMED_QUERIES.map((query) => [query.name, query] as const))('%s', async (_, query) => {
    const plan = await explain(client, query, sample);
    // A function that is not inlined hides its plan behind one node; then only its cost is checked.
    const hidden = plan.some((node) => node['Node Type'] === 'Function Scan');
    const scans = plan
      .filter((node) => query.tables.includes(tableOf(node) ?? ''))
      // An empty monthly partition costs nothing, with any kind of scan.
      .filter((node) => rowsRead(node) > 0);
    const sequential = scans.filter(
      (node) => node['Node Type'] === 'Seq Scan' && !isNewPartition(node),
    );
    expect(sequential, JSON.stringify(plan.map((node) => node['Node Type']))).toEqual([]);
    const wasted = scans.map((node) => node['Rows Removed by Filter'] ?? 0);
    expect(Math.max(0, ...wasted), 'rows read and discarded').toBeLessThan(query.pageRows ?? 2_000);
    if (!hidden) {
      const reached = plan.map(tableOf);
      for (const table of query.tables) {
        const empty =
          table === 'outbox' || query.name.includes('due') || query.name.includes('past');
        if (!empty) expect(reached).toContain(table);
      }
    }
  });
});

const TABLES = ['runs', 'step_runs', 'run_events'];
const PAGE = readFileSync(join(ROOT, 'docs', 'internals', 'indexes.md'), 'utf8');

interface Entry {
  name: string;
  definition: string;
  queries: string[];
  constraints: string[];
}

/** The rows of the page's tables of indexes. */
const ENTRIES: Entry[] = PAGE.split('\n')
  .map((line) => line.split(' | '))
  // The second column is the definition: another table of the page has the costs.
  .filter(
    ([name = '', definition = '']) =>
      /^\| `(idx_)?(runs|step_runs|run_events)_/.test(name) && /^`(unique )?\(/.test(definition),
  )
  .map(([name = '', definition = '', needs = '']) => ({
    name: name.slice(3, -1),
    definition: definition.slice(1, -1),
    queries: [...needs.matchAll(/"([^"]+)"/g)].map((match) => match[1] ?? ''),
    constraints: [...needs.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ''),
  }));

const INDEXES = `
  select c.relname as name,
    case when i.indisunique then 'unique ' else '' end
      || regexp_replace(pg_get_indexdef(i.indexrelid), '^.* USING btree ', '') as definition
  from pg_index i
  join pg_class c on c.oid = i.indexrelid
  join pg_class t on t.oid = i.indrelid
  where t.relnamespace = 'stepbase'::regnamespace and t.relname = any ($1)
  order by 1`;

/**
 * The indexes that a constraint uses: its own, the one that it refers to, and those of the referencing columns. These
 * begin with a column of the key, and leave out only rows without one.
 */
const SERVED = `
  select x.relname as name
  from pg_constraint c
  join pg_index i on i.indexrelid = c.conindid
    or (
      c.contype = 'f' and i.indrelid = c.conrelid and i.indkey[0] = any (c.conkey)
      and (
        i.indpred is null
        or exists (
          select 1 from pg_attribute a
          where a.attrelid = c.conrelid and a.attnum = any (c.conkey)
            and pg_get_expr(i.indpred, i.indrelid) = format('(%I IS NOT NULL)', a.attname)
        )
      )
    )
  join pg_class x on x.oid = i.indexrelid
  where c.connamespace = 'stepbase'::regnamespace and c.conparentid = 0 and c.conname = $1`;

/** Columns of runs that change with every step. */
const PER_STEP = `
  current_step = 's', steps_completed = steps_completed + 1, open_steps = open_steps + 1,
  event_seq = event_seq + 2, context_version = context_version + 1, updated_at = now(),
  -- append_events also writes these, with the values that they have.
  status = status, started_at = started_at, deadline_at = deadline_at, completed_at = completed_at`;

describe('docs/internals/indexes.md', () => {
  test('lists every index with its definition, and no other', async () => {
    const { rows } = await client.query<{ name: string; definition: string }>(INDEXES, [TABLES]);
    const listed = ENTRIES.map(({ name, definition }) => ({ name, definition }));
    expect(listed.sort((a, b) => (a.name < b.name ? -1 : 1))).toEqual(rows);
  });

  test.each(ENTRIES.map((entry) => [entry.name, entry] as const))(
    '%s is needed',
    async (name, entry) => {
      expect([...entry.queries, ...entry.constraints], 'what needs it').not.toEqual([]);
      for (const asked of entry.queries) {
        const query = NAMED_QUERIES.find((named) => named.name === asked);
        if (!query) throw new Error(`no named query "${asked}"`);
        const plan = await explain(client, query, sample);
        const used = plan.flatMap((node) => node['Index Name'] ?? []);
        const { rows } = await client.query<{ name: string }>(
          // An index of a partition counts as that of its table.
          `select coalesce(p.relname, c.relname) as name from pg_class c
         left join pg_inherits h on h.inhrelid = c.oid left join pg_class p on p.oid = h.inhparent
         where c.relname = any ($1)`,
          [used],
        );
        expect(
          rows.map((row) => row.name),
          `${asked} uses it`,
        ).toContain(name);
      }
      for (const constraint of entry.constraints) {
        const { rows } = await client.query<{ name: string }>(SERVED, [constraint]);
        expect(
          rows.map((row) => row.name),
          `${constraint} uses it`,
        ).toContain(name);
      }
    },
  );

  test('an update of the counters of a run is HOT: no index names a column that changes with every step', async () => {
    await client.query('begin');
    try {
      const updated = await client.query(`update stepbase.runs set ${PER_STEP} where id = $1`, [
        sample.run_id,
      ]);
      expect(updated.rowCount).toBe(1);
      const { rows } = await client.query<{ hot: number }>(
        "select pg_stat_get_xact_tuples_hot_updated('stepbase.runs'::regclass)::int as hot",
      );
      expect(rows).toEqual([{ hot: 1 }]);
    } finally {
      await client.query('rollback');
    }
  });
});
