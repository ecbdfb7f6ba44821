// On every other installed PostgreSQL the migrations create the same tables, columns and rules as on the embedded
// one, and the seed and maintenance work.

import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { push } from '../../scripts/stack/migrate.ts';
import { bootstrapCluster, bootstrapDatabase } from '../../scripts/stack/postgres/bootstrap.ts';
import { withClient } from '../../scripts/stack/postgres/connection.ts';
import { applySeed } from '../../scripts/stack/seed.ts';
import { installedVersions, startDebianServer } from '../support/debian-postgres.ts';
import { freshDatabase, stackInfo } from '../support/stack.ts';
import { snapshot } from './snapshot.ts';

const versions = ['embedded', ...(await installedVersions())];
const COMPARED = ['columns', 'constraints', 'triggers', 'policies', 'lookups'];

describe.each(versions)('PostgreSQL %s', (version) => {
  test('has the whole schema, and the seed and maintenance succeed', async () => {
    const reference = await freshDatabase({ seed: true });
    const wanted = await snapshot(reference.url, COMPARED);
    if (version === 'embedded') {
      expect(wanted.length).toBeGreaterThan(500);
      await expectMaintained(reference.url);
      return;
    }
    const server = await startDebianServer(version);
    try {
      const passwords = { postgres: 'postgres', service: 'service' };
      await bootstrapCluster(server.adminUrl, passwords, true);
      await bootstrapDatabase(server.adminUrl, passwords);
      const url = `postgres://postgres:postgres@127.0.0.1:${server.port}/postgres`;
      await push(url, join(stackInfo().data_dir, 'logs', `migrations-${version}.log`));
      await applySeed(url);
      expect(await snapshot(url, COMPARED)).toEqual(wanted);
      await expectMaintained(url);
    } finally {
      await server.stop();
    }
  });
});

/**
 * Expects that each part of maintenance succeeds. In the first days of a month, the seed has rows of the month before, for
 * which the first call creates a partition and does nothing else; the second call does the rest.
 */
async function expectMaintained(url: string): Promise<void> {
  await withClient(url, async (client) => {
    const maintain = async () => {
      const { rows } = await client.query<{ done: Record<string, unknown> }>(
        'select stepbase_engine.maintain() as done',
      );
      return rows[0]?.done ?? {};
    };
    const { rows } = await client.query(
      'select rolsuper as superuser from pg_roles where rolname = current_user',
    );
    expect(rows).toEqual([{ superuser: false }]);
    const first = await maintain();
    const done = 'partitions_made' in first ? await maintain() : first;
    expect(done).toMatchObject({ pruned: { runs: 0 }, statistics: true });
    expect(Object.keys(done).filter((key) => key.endsWith('_error'))).toEqual([]);
  });
}
