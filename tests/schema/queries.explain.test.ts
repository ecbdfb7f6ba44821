// In a database with 100,000 runs, every named query finds its rows by an index, with row-level security.

import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { becomeMember, fill } from '../../scripts/bench/fill.ts';
import { NAMED_QUERIES, type NamedQuery, type Sample } from '../../scripts/bench/named-queries.ts';
import { freshDatabase } from '../support/stack.ts';
import { scaled } from '../support/time.ts';

interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Actual Rows'?: number;
  'Rows Removed by Filter'?: number;
  Plans?: PlanNode[];
}

function nodes(plan: PlanNode): PlanNode[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodes)];
}

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

  async function explain(query: NamedQuery): Promise<PlanNode[]> {
    await client.query('begin');
    try {
      if (query.as === 'member') await becomeMember(client);
      const text = `explain (analyze, format json, timing off) ${query.text}`;
      const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
        text,
        query.values(sample),
      );
      const plan = rows[0]?.['QUERY PLAN'][0].Plan;
      if (!plan) throw new Error('no plan');
      return nodes(plan);
    } finally {
      await client.query('rollback');
    }
  }

  test.each(NAMED_QUERIES.map((query) => [query.name, query] as const))('%s', async (_, query) => {
    const plan = await explain(query);
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
