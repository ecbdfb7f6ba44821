// In a database with 100,000 runs, every named query finds its rows by an index, with row-level security.

import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fill } from '../../scripts/bench/fill.ts';
import { NAMED_QUERIES, type Sample } from '../../scripts/bench/named-queries.ts';
import { freshDatabase } from '../support/stack.ts';
import { scaled } from '../support/time.ts';
import { explain, type PlanNode } from './plans.ts';

/** The name of the table; for a partition, that of its parent. */
const tableOf = (node: PlanNode) => node['Relation Name']?.replace(/_(default|\d{4}_\d{2})$/, '');

describe('in a database with 100,000 runs, an index serves the query', () => {
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
  });

  afterAll(async () => {
    await client?.end();
  });

  test.each(NAMED_QUERIES.map((query) => [query.name, query] as const))('%s', async (_, query) => {
    const plan = await explain(client, query, sample);
    // A function that is not inlined hides its plan behind one node; then only its cost is checked.
    const hidden = plan.some((node) => node['Node Type'] === 'Function Scan');
    const scans = plan
      .filter((node) => query.tables.includes(tableOf(node) ?? ''))
      // An empty monthly partition costs nothing, with any kind of scan.
      .filter((node) => (node['Actual Rows'] ?? 0) + (node['Rows Removed by Filter'] ?? 0) > 0);
    const sequential = scans.filter((node) => node['Node Type'] === 'Seq Scan');
    expect(sequential, JSON.stringify(plan.map((node) => node['Node Type']))).toEqual([]);
    const wasted = scans.map((node) => node['Rows Removed by Filter'] ?? 0);
    expect(Math.max(0, ...wasted), 'rows read and discarded').toBeLessThan(2_000);
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
