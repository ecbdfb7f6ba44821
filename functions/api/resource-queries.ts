// Statements about what surrounds runs: the caller, look-up tables and statistics. All run as the caller.
import type { Query } from '../_shared/db/pool.ts';
import { type Json, one } from './queries.ts';

/** The tables whose rows are the values of a column elsewhere. Step types have a list of their own. */
export const LOOKUPS = [
  'component_types',
  'component_visibility',
  'error_codes',
  'execution_engines',
  'overlap_policies',
  'parent_close_policies',
  'run_event_types',
  'run_statuses',
  'step_statuses',
  'trigger_types',
  'user_roles',
  'webhook_signature_schemes',
  'work_item_statuses',
  'work_queue_orderings',
  'worker_statuses',
  'workflow_statuses',
] as const;
export type Lookup = (typeof LOOKUPS)[number];

export const switchApp = (query: Query, appCode: string) =>
  one(query, 'select to_jsonb(a) as value from stepbase.switch_app($1) a', [appCode]);

export interface CallerFacts {
  app_code: string;
  permissions: string[];
  user: Json | null;
  api_key_id: string | null;
}

/** The application and permissions of a caller who is a member. */
export async function readCaller(query: Query): Promise<CallerFacts> {
  const [row] = await query<{ value: CallerFacts }>(
    `select jsonb_build_object(
       'app_code', stepbase_private.app_code(),
       'permissions', stepbase_private.permissions(),
       'user', case when auth.uid() is not null then to_jsonb(stepbase.my_profile()) end,
       'api_key_id', auth.jwt() ->> 'api_key_id'
     ) as value`,
  );
  if (row === undefined) throw new Error('the statement returned no row');
  return row.value;
}

const many = async (query: Query, text: string): Promise<Json[]> =>
  (await query<{ value: Json }>(text)).map(({ value }) => value);

export const readLookup = (query: Query, table: Lookup) =>
  many(query, `select to_jsonb(t) as value from stepbase.${table} t order by t.ordinal`);

export const workflowStatistics = (query: Query) =>
  many(
    query,
    `select to_jsonb(s) as value from stepbase.workflow_statistics() s order by s.workflow_id`,
  );

export const projectStatistics = (query: Query) =>
  many(
    query,
    `select to_jsonb(s) as value from stepbase.project_statistics() s order by s.project_id`,
  );

export const auditAnchor = (query: Query) =>
  one(query, 'select stepbase.audit_anchor() as value', []);

export const verifyAuditLog = (
  query: Query,
  { anchor, from_seq }: { anchor?: { seq: number; hash: string } | undefined; from_seq: number },
) =>
  one(query, 'select stepbase.verify_audit_log($1::jsonb, $2) as value', [
    anchor === undefined ? null : JSON.stringify(anchor),
    from_seq,
  ]);

export interface StatisticsQuery {
  group_by: string;
  since?: string | undefined;
  until?: string | undefined;
  workflow_id?: string | undefined;
}

export const readStatistics = (query: Query, asked: StatisticsQuery) =>
  one(query, 'select stepbase.read_statistics($1, $2, $3, $4::uuid) as value', [
    asked.group_by,
    asked.since ?? null,
    asked.until ?? null,
    asked.workflow_id ?? null,
  ]);
