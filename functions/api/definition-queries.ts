// Statements about definitions. All run as the caller (asCaller).
import type { CheckContext, SqlProblem } from '../_shared/checker/index.ts';
import type { Query } from '../_shared/db/pool.ts';
import { toStorableJson } from '../_shared/text/storable.ts';
import { type Json, one } from './queries.ts';

export interface Definition {
  /** The kebab_name of its workflow. */
  workflow: string | undefined;
  definition: unknown;
  /** undefined: that of the latest version; null: none. */
  inputSchema: object | null | undefined;
}

const optionalJson = (value: unknown): string | null =>
  value === undefined ? null : toStorableJson(value);

export async function checkInSql(
  query: Query,
  { workflow, definition, inputSchema }: Definition,
): Promise<{ problems: SqlProblem[]; context: CheckContext }> {
  const [row] = await query<{ value: { problems: SqlProblem[]; context: CheckContext } }>(
    'select stepbase_private.check_definition_of($1, $2::jsonb, $3::jsonb) as value',
    [workflow ?? null, toStorableJson(definition), optionalJson(inputSchema)],
  );
  if (row === undefined) throw new Error('check_definition_of returned nothing');
  return row.value;
}

export interface Draft extends Definition {
  workflow: string;
  name: string | undefined;
  description: string | undefined;
  /** undefined: that of the latest version; null: none. */
  outputSchema: object | null | undefined;
}

export interface TaggedVersion {
  version: Json;
  /** Identifies the state of a draft in ETag and If-Match. */
  etag: string;
}

export async function saveDraft(query: Query, draft: Draft): Promise<TaggedVersion> {
  const [row] = await query<TaggedVersion>(
    `select to_jsonb(v) as version, stepbase_private.draft_etag(v) as etag
     from stepbase.save_workflow(
       kebab_name => $1, definition => $2::jsonb, name => $3, description => $4,
       input_schema => $5::jsonb, output_schema => $6::jsonb
     ) v`,
    [
      draft.workflow,
      toStorableJson(draft.definition),
      draft.name ?? null,
      draft.description ?? null,
      optionalJson(draft.inputSchema),
      optionalJson(draft.outputSchema),
    ],
  );
  if (row === undefined) throw new Error('save_workflow returned no version');
  return row;
}

export async function readDraft(
  query: Query,
  workflow: string,
): Promise<TaggedVersion | undefined> {
  const [row] = await query<TaggedVersion>(
    `select to_jsonb(v) as version, stepbase_private.draft_etag(v) as etag
     from stepbase.workflow_versions v
     join stepbase.workflows w on w.id = v.workflow_id
     where w.kebab_name = $1 and w.app_code = stepbase_private.app_code() and w.deleted_at is null
       and v.status = 'draft'`,
    [workflow],
  );
  return row;
}

/** Locks the workflow until the transaction ends; raises precondition_failed if its draft has another ETag (null: none). */
export async function requireDraft(
  query: Query,
  workflow: string,
  etag: string | null,
): Promise<void> {
  await query('select stepbase_private.require_draft($1, $2)', [workflow, etag]);
}

export async function archiveWorkflow(query: Query, workflow: string): Promise<boolean> {
  const rows = await query(
    `update stepbase.workflows w set status = 'archived'
     where w.kebab_name = $1 and w.deleted_at is null and w.status <> 'archived'
     returning 1`,
    [workflow],
  );
  return rows.length > 0;
}

export async function restoreWorkflow(query: Query, workflow: string): Promise<boolean> {
  const rows = await query(
    `update stepbase.workflows w
     set
       deleted_at = null,
       status = case
         when w.status <> 'archived' then w.status
         when w.published_version_id is null then 'draft'
         else 'published'
       end
     where w.kebab_name = $1 and (w.deleted_at is not null or w.status = 'archived')
     returning 1`,
    [workflow],
  );
  return rows.length > 0;
}

export async function deleteWorkflow(query: Query, workflow: string): Promise<boolean> {
  const rows = await query(
    `update stepbase.workflows w set deleted_at = now()
     where w.kebab_name = $1 and w.deleted_at is null
     returning 1`,
    [workflow],
  );
  return rows.length > 0;
}

export const explainWorkflow = (query: Query, workflow: string, version: number | undefined) =>
  one(query, 'select stepbase.explain_workflow($1, $2::int) as value', [workflow, version ?? null]);

export interface Version {
  id: string;
  status: string;
  definition: unknown;
  input_schema: object | null;
  /** As PostgreSQL writes it: JavaScript's dates have no microseconds. */
  updated_at: string;
  etag: string;
}

/** The version with the number, or else the draft. */
export async function findVersion(
  query: Query,
  workflow: string,
  version: number | undefined,
): Promise<Version | undefined> {
  const [row] = await query<Version & { [column: string]: unknown }>(
    `select v.id, v.status, v.definition, v.input_schema, v.updated_at::text as updated_at,
       stepbase_private.draft_etag(v) as etag
     from stepbase.workflow_versions v
     join stepbase.workflows w on w.id = v.workflow_id
     where w.kebab_name = $1 and w.app_code = stepbase_private.app_code() and w.deleted_at is null
       and case when $2::int is null then v.status = 'draft' else v.version = $2 end`,
    [workflow, version ?? null],
  );
  return row;
}

/** undefined: the version was changed since it was read. */
export async function publishVersion(
  query: Query,
  { id, updated_at }: Version,
  skipUnchanged: boolean,
): Promise<Json | undefined> {
  const [row] = await query<{ value: Json }>(
    `select to_jsonb(p) as value
     from stepbase.workflow_versions v
     cross join lateral stepbase.publish_workflow(v.id, $3) p
     where v.id = $1 and (v.status <> 'draft' or v.updated_at = $2::timestamptz)`,
    [id, updated_at, skipUnchanged],
  );
  return row?.value;
}

/** undefined: the workflow has no version with one of the numbers. */
export async function diffVersions(
  query: Query,
  workflow: string,
  a: unknown,
  b: unknown,
): Promise<Json | undefined> {
  const [row] = await query<{ value: Json }>(
    `select stepbase.diff_versions(a => a.id, b => b.id) as value
     from stepbase.workflows w
     join stepbase.workflow_versions a on a.workflow_id = w.id and a.version = $2::int
     join stepbase.workflow_versions b on b.workflow_id = w.id and b.version = $3::int
     where w.kebab_name = $1 and w.app_code = stepbase_private.app_code() and w.deleted_at is null`,
    [workflow, a, b],
  );
  return row?.value;
}
