// Plans of the named queries on a filled database.

import type pg from 'pg';
import { becomeMember } from '../../scripts/bench/fill.ts';
import type { NamedQuery, Sample } from '../../scripts/bench/named-queries.ts';

export interface PlanNode {
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

/** All nodes of the plan of a query that was executed, with the claims of its caller. */
export async function explain(
  client: pg.ClientBase,
  query: NamedQuery,
  sample: Sample,
): Promise<PlanNode[]> {
  await client.query('begin');
  try {
    if (query.as === 'member') await becomeMember(client);
    if (query.hasIndexesOnly) await client.query('set local enable_seqscan = off');
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
