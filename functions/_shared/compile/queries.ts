// Compilations in the database: the version to compile, and its code as the active compilation. The statements run with
// the rights of their caller.

import type { Query } from '../db/pool.ts';
import type { Compilation, Version } from './index.ts';

export interface StoredVersion extends Version {
  id: string;
}

/** The published version of a workflow, or the one with this number; one for each application that has it. */
export async function publishedVersions(
  query: Query,
  workflow: string,
  { app, version }: { app?: string | undefined; version?: number | undefined },
): Promise<StoredVersion[]> {
  return await query<StoredVersion>(
    `select distinct on (v.app_code)
       v.id, v.app_code, w.kebab_name, w.name, v.version, v.definition,
       coalesce((
         select jsonb_object_agg(n.node_id || p.part, c.retry_count)
         from stepbase.workflow_nodes n
         cross join lateral (
           values ('', n.component_id), ('.item', n.item_component_id), ('.compensate', n.compensation_component_id)
         ) p (part, component_id)
         join stepbase.components c on c.id = p.component_id and c.retry_count > 0
         where n.workflow_version_id = v.id
       ), '{}') as retry_counts
     from stepbase.workflows w
     join stepbase.workflow_versions v on v.workflow_id = w.id
     where w.kebab_name = $1 and w.deleted_at is null and ($2::text is null or w.app_code = $2)
       and v.published_at is not null and ($3::int is null or v.version = $3)
     order by v.app_code, v.version desc`,
    [workflow, app ?? null, version ?? null],
  );
}

/** Makes this code the active compilation of the version; the same code as before stays as it is. Returns its id. */
export async function storeCompilation(
  query: Query,
  { id, app_code }: Pick<StoredVersion, 'id' | 'app_code'>,
  code: Compilation,
): Promise<string> {
  const values = [
    id,
    code.workflow_code,
    code.activities_code,
    code.worker_code,
    code.package_json,
    code.tsconfig_json,
    code.temporal_workflow_type,
  ];
  const [active] = await query<{ id: string }>(
    `select id from stepbase.workflow_compilations
     where workflow_version_id = $1 and is_active
       and (workflow_code, activities_code, worker_code, package_json, tsconfig_json, temporal_workflow_type)
         = ($2, $3, $4, $5, $6, $7)`,
    values,
  );
  if (active !== undefined) return active.id;
  await query(
    'update stepbase.workflow_compilations set is_active = false where workflow_version_id = $1 and is_active',
    [id],
  );
  const [stored] = await query<{ id: string }>(
    `insert into stepbase.workflow_compilations (
       workflow_version_id, workflow_code, activities_code, worker_code, package_json, tsconfig_json,
       temporal_workflow_type, app_code
     ) values ($1, $2, $3, $4, $5, $6, $7, $8) returning id`,
    [...values, app_code],
  );
  if (stored === undefined) throw new Error('the statement returned no row');
  return stored.id;
}
