// Entity diagrams (Mermaid), one per domain, drawn from the catalogue of a migrated database.

import type pg from 'pg';
import { SCHEMAS } from './schemas.ts';

/** The tables of each domain; lookup tables belong to none. */
export const DOMAINS: Readonly<Record<string, readonly string[]>> = {
  Tenancy: [
    'organizations',
    'applications',
    'users',
    'app_members',
    'app_roles',
    'invitations',
    'service_accounts',
    'api_keys',
    'app_quotas',
    'ai_budgets',
  ],
  Registry: ['components', 'agent_prompts', 'model_prices', 'projects', 'task_queues', 'workers'],
  Definitions: [
    ...[
      'workflows',
      'workflow_versions',
      'workflow_nodes',
      'workflow_edges',
      'workflow_compilations',
      'workflow_version_checks',
    ],
    ...[
      'workflow_signals',
      'workflow_queries',
      'workflow_schedules',
      'schedule_runs',
      'schedule_backfills',
      'workflow_triggers',
      'webhook_subscriptions',
      'workflow_children',
      'workflow_flow_controls',
      'workflow_canaries',
      'work_queues',
    ],
  ],
  Execution: [
    ...[
      'runs',
      'step_runs',
      'run_events',
      'run_signals',
      'task_decisions',
      'task_comments',
      'webhook_calls',
      'run_values',
      'temporal_runs',
      'step_logs',
      'agent_turns',
      'agent_tool_calls',
      'work_queue_items',
      'outbox',
      'refused_starts',
      'incident_switches',
      'run_operations',
      'run_operation_failures',
      'run_views',
      'webhook_deliveries',
    ],
  ],
  Insight: ['activity_statistics', 'audit_log', 'audit_seals'],
};

interface Column {
  table: string;
  column: string;
  type: string;
  is_key: boolean;
  is_reference: boolean;
}

interface Link {
  source: string;
  target: string;
  columns: string[];
  optional: boolean;
}

const COLUMNS = `
  select
    c.relname as table, a.attname as column,
    replace(format_type(a.atttypid, null), 'timestamp with time zone', 'timestamptz') as type,
    coalesce(a.attnum = any (k.conkey), false) as is_key,
    exists (
      select from pg_constraint f
      where f.conrelid = c.oid and f.contype = 'f' and a.attnum = any (f.conkey)
    ) as is_reference
  from pg_class c
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  left join pg_constraint k on k.conrelid = c.oid and k.contype = 'p'
  where c.relnamespace = '${SCHEMAS.exposed}'::regnamespace and c.relkind in ('r', 'p')
  order by c.relname, a.attnum`;

const LINKS = `
  select
    s.relname as source, t.relname as target, array_agg(a.attname::text order by a.attname) as columns,
    bool_or(not a.attnotnull) as optional
  from pg_constraint f
  join pg_class s on s.oid = f.conrelid
  join pg_class t on t.oid = f.confrelid
  join pg_attribute a on a.attrelid = s.oid and a.attnum = any (f.conkey)
  where f.contype = 'f' and f.conparentid = 0
    and s.relnamespace = '${SCHEMAS.exposed}'::regnamespace
    and t.relnamespace = '${SCHEMAS.exposed}'::regnamespace
  group by f.oid, s.relname, t.relname
  order by 1, 2, 3`;

function entity(table: string, columns: Column[]): string[] {
  const lines = columns
    .filter((column) => column.table === table)
    .map(({ column, type, is_key, is_reference }) => {
      const keys = [is_key ? 'PK' : '', is_reference ? 'FK' : ''].filter(Boolean).join(', ');
      return `    ${type.replaceAll(/\W+/g, '_')} ${column}${keys ? ` ${keys}` : ''}`;
    });
  return [`  ${table} {`, ...lines, '  }'];
}

function line(link: Link): string {
  const named = link.columns.filter((column) => column !== 'app_code');
  const label = (named.length > 0 ? named : link.columns).join(', ');
  return `  ${link.target} ${link.optional ? '|o' : '||'}--o{ ${link.source} : "${label}"`;
}

/** The diagram of every domain; throws if a table is in no domain. */
export async function diagrams(client: pg.Client): Promise<Map<string, string>> {
  const columns = (await client.query<Column>(COLUMNS)).rows;
  const links = (await client.query<Link>(LINKS)).rows;
  const lookups = new Set(
    columns.filter(({ column, is_key }) => column === 'name' && is_key).map(({ table }) => table),
  );
  const drawn = new Set(Object.values(DOMAINS).flat());
  const missing = columns.find(({ table }) => !drawn.has(table) && !lookups.has(table));
  if (missing) {
    throw new Error(`The table ${missing.table} is in no domain of scripts/database/diagrams.ts`);
  }
  return new Map(
    Object.entries(DOMAINS).map(([domain, tables]) => {
      const shown = links.filter(
        ({ source, target, columns: of }) =>
          tables.includes(source) &&
          drawn.has(target) &&
          (domain === 'Tenancy' || of.join() !== 'app_code') &&
          (target !== 'users' || domain === 'Tenancy'),
      );
      const lines = [
        'erDiagram',
        ...tables.flatMap((table) => entity(table, columns)),
        ...new Set(shown.map(line)),
      ];
      return [domain, lines.join('\n')];
    }),
  );
}
