// The migrations with the real CLI: they can be applied twice, and again after everything was dropped, with the same
// result.

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { migrationFiles, push } from '../../scripts/stack/migrate.ts';
import { withClient } from '../../scripts/stack/postgres/connection.ts';
import { freshDatabase, stackInfo } from '../support/stack.ts';
import { snapshot, toEmpty } from './snapshot.ts';

const log = join(stackInfo().data_dir, 'logs', 'migrations-cycle.log');

async function history(url: string): Promise<string[]> {
  return await withClient(url, async (client) => {
    const { rows } = await client.query<{ version: string }>(
      'select version from supabase_migrations.schema_migrations order by version',
    );
    return rows.map(({ version }) => version);
  });
}

test('the schema is the same after a second application, and after dropping everything and applying again', async () => {
  const database = await freshDatabase({ empty: true });
  const versions = (await migrationFiles()).map(({ version }) => version);

  await push(database.url, log);
  expect(await history(database.url)).toEqual(versions);
  const first = await snapshot(database.url);
  expect(first.length).toBeGreaterThan(1000);

  await push(database.url, log);
  expect(await snapshot(database.url)).toEqual(first);

  await toEmpty(database.url);
  expect(await snapshot(database.url, ['tables', 'functions', 'policies'])).toEqual([]);

  await push(database.url, log);
  expect(await history(database.url)).toEqual(versions);
  expect(await snapshot(database.url)).toEqual(first);
});

test('the seed can be applied twice without another change', async () => {
  const { applySeed } = await import('../../scripts/stack/seed.ts');
  const database = await freshDatabase({ seed: true });
  const count = async () =>
    await withClient(database.url, async (client) => {
      const { rows } = await client.query<Record<string, number>>(`
        select
          (select count(*)::int from stepbase.organizations) as organizations,
          (select count(*)::int from stepbase.applications) as applications,
          (select count(*)::int from stepbase.users) as users,
          (select count(*)::int from stepbase.app_members) as members,
          (select count(*)::int from stepbase.workflows where app_code = 'acme' and status = 'published') as workflows,
          (select count(*)::int from stepbase.workflow_versions) as versions,
          (select count(*)::int from stepbase.runs) as runs,
          (select count(distinct status)::int from stepbase.runs) as run_statuses,
          (select count(*)::int from stepbase.step_runs) as steps,
          (select count(*)::int from stepbase.components) as components,
          (select count(*)::int from stepbase.agent_prompts) as prompts`);
      return rows[0];
    });
  const before = await count();
  expect(before).toMatchObject({
    organizations: 2,
    applications: 3,
    users: 5,
    workflows: 5,
    runs: 10,
  });
  expect(before?.run_statuses).toBeGreaterThanOrEqual(5);
  await applySeed(database.url);
  expect(await count()).toEqual(before);
});
