// The files that are generated from a migrated database, and their generators.

import { SNAPSHOT_VERSION, schemaSnapshot } from '../database/snapshot.ts';
import { withClient } from '../stack/postgres/connection.ts';
import type { GeneratedPage } from './markdown.ts';
import { permissionsPage } from './permissions.ts';
import { rpcsPage } from './rpcs.ts';
import { schemaPages } from './schema.ts';
import { stepTypesPage } from './step-types.ts';
import { workflowStatesPage } from './workflow-states.ts';

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
