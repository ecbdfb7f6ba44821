// Every generated file and its generator.

import { SNAPSHOT_VERSION, schemaSnapshot } from '../database/snapshot.ts';
import { withClient } from '../stack/postgres/connection.ts';
import { engineMapPage } from './engine-map.ts';
import { environmentPage } from './environment.ts';
import { errorsPage } from './errors.ts';
import { httpApiPage } from './http-api.ts';
import { permissionsPage } from './permissions.ts';
import { rpcsPage } from './rpcs.ts';
import { schemaPages } from './schema.ts';
import { stepTypesPage } from './step-types.ts';
import { workflowStatesPage } from './workflow-states.ts';

export interface GeneratedPage {
  /** Relative to the root of the repository. */
  path: string;
  text: string;
}

/** The pages that are generated from source files alone. */
export function filePages(): GeneratedPage[] {
  return [
    { path: 'docs/reference/errors.md', text: errorsPage() },
    { path: 'docs/reference/environment.md', text: environmentPage() },
    { path: 'docs/reference/http-api.md', text: httpApiPage() },
    { path: 'docs/internals/engine-map.md', text: engineMapPage() },
  ];
}

/** The pages that are generated from a migrated database; none on another major version. */
export async function databasePages(url: string): Promise<GeneratedPage[]> {
  return await withClient(url, async (client) => {
    // The catalogue's functions then qualify every name.
    await client.query(`set search_path to ''`);
    const { rows } = await client.query<{ version: number }>(
      `select current_setting('server_version_num')::int / 10000 as version`,
    );
    const version = rows[0]?.version;
    if (version !== SNAPSHOT_VERSION) {
      console.log(
        `skipped: the pages are generated on PostgreSQL ${SNAPSHOT_VERSION}, not ${version}`,
      );
      return [];
    }
    return [
      { path: 'docs/reference/rpcs.md', text: await rpcsPage(client) },
      { path: 'docs/reference/step-types.md', text: await stepTypesPage(client) },
      { path: 'docs/reference/workflow-states.md', text: await workflowStatesPage(client) },
      { path: 'docs/reference/permissions.md', text: await permissionsPage(client) },
      ...(await schemaPages(client)),
      { path: 'supabase/schema.snapshot.sql', text: await schemaSnapshot(client) },
    ];
  });
}
