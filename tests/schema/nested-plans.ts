// Plans of all statements that a call executes, those inside of functions and triggers included. auto_explain sends
// them to the session as notices.

import pg from 'pg';
import { loadKeys } from '../../scripts/stack/keys.ts';
import { SUPERUSER } from '../../scripts/stack/postgres/cluster.ts';
import type { StackInfo } from '../../scripts/stack/stack.ts';
import type { PlanNode } from './plans.ts';

/** Row counts of auto_explain are means per loop. */
export interface ExecutedNode extends PlanNode {
  'Actual Loops'?: number;
  'Rows Removed by Join Filter'?: number;
  Plans?: ExecutedNode[];
}

interface Explained {
  'Query Text': string;
  Plan: ExecutedNode;
}

const flat = (node: ExecutedNode): ExecutedNode[] => [node, ...(node.Plans ?? []).flatMap(flat)];

/** Only a superuser may load auto_explain. */
export async function explainedSession(stack: StackInfo): Promise<pg.Client> {
  const url = new URL(stack.db_url);
  url.username = SUPERUSER;
  url.password = (await loadKeys(stack.data_dir)).servicePassword;
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  await client.query(`
    load 'auto_explain';
    set auto_explain.log_min_duration = 0;
    set auto_explain.log_nested_statements = on;
    set auto_explain.log_analyze = on;
    set auto_explain.log_timing = off;
    set auto_explain.log_buffers = off;
    set auto_explain.log_format = json;
    set auto_explain.log_level = notice;
  `);
  return client;
}

/** Executes `query` as a member, and returns what each node of each statement read: rows that it passed on or removed. */
export async function rowsRead(
  client: pg.Client,
  member: { id: string; app: string },
  query: string,
  values: unknown[],
): Promise<{ result: unknown; reads: { rows: number; node: string; query: string }[] }> {
  const reads: { rows: number; node: string; query: string }[] = [];
  const read = ({ message = '' }: { message?: string | undefined }) => {
    const start = message.indexOf('{');
    if (!message.startsWith('duration:') || start < 0) return;
    const explained = JSON.parse(message.slice(start)) as Explained;
    for (const node of flat(explained.Plan)) {
      const perLoop =
        (node['Actual Rows'] ?? 0) +
        (node['Rows Removed by Filter'] ?? 0) +
        (node['Rows Removed by Join Filter'] ?? 0);
      const rows = Math.round(perLoop * (node['Actual Loops'] ?? 0));
      reads.push({ rows, node: node['Node Type'], query: explained['Query Text'] });
    }
  };
  const claims = JSON.stringify({ sub: member.id, role: 'authenticated', app_code: member.app });
  await client.query("select set_config('request.jwt.claims', $1, false)", [claims]);
  await client.query('set role authenticated');
  client.on('notice', read);
  try {
    const { rows } = await client.query<{ result: unknown }>(query, values);
    return { result: rows[0]?.result, reads };
  } finally {
    client.off('notice', read);
    await client.query('reset role');
  }
}
