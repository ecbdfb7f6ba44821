// Every feature works on every other installed PostgreSQL (hosted projects have 15 and 17), and no statement is
// compiled with JIT, which would take seconds.

import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ChaosEnvironment, createChaosEnvironment } from '../../scripts/chaos/environment.ts';
import { type Shop, startShop } from '../../scripts/fakes/shop.ts';
import {
  type DebianServer,
  installedVersions,
  startDebianServer,
} from '../support/debian-postgres.ts';
import { FEATURES, type FeatureContext } from './features.ts';
import { testApp } from './support.ts';

const SETTINGS = {
  jit: 'on',
  shared_preload_libraries: 'pg_stat_statements',
  'pg_stat_statements.track': 'all',
};

const installed = await installedVersions();
/** Without another version, the features run on the embedded one. */
const versions = installed.length > 0 ? installed : ['embedded'];

describe.each(versions)('PostgreSQL %s', (version) => {
  let server: DebianServer | undefined;
  let environment: ChaosEnvironment;
  let shop: Shop;
  let context: FeatureContext;

  beforeAll(async () => {
    shop = await startShop();
    if (version !== 'embedded') server = await startDebianServer(version, SETTINGS);
    environment = await createChaosEnvironment({
      workers: 1,
      leaseSeconds: 5,
      ...(server ? { adminUrl: server.adminUrl } : {}),
    });
    context = {
      b: await testApp(environment.info),
      api: await environment.startApi(),
      shop: shop.url,
    };
  });
  afterAll(async () => {
    await environment?.stop();
    await server?.stop();
    await shop?.stop();
  });

  describe.concurrent('this feature works', () => {
    for (const [name, feature] of Object.entries(FEATURES)) test(name, () => feature(context));
  });

  // The embedded server has no JIT.
  test.runIf(version !== 'embedded')('no statement is compiled with JIT', async () => {
    const admin = new pg.Client({ connectionString: server?.adminUrl });
    await admin.connect();
    try {
      await admin.query('create extension if not exists pg_stat_statements');
      const { rows } = await admin.query<{ seen: number; compiled: string[] | null }>(
        `select count(*)::int as seen, array_agg(s.query) filter (where s.jit_functions > 0) as compiled
         from pg_stat_statements s
         join pg_roles r on r.oid = s.userid and r.rolname <> current_user`,
      );
      expect(rows[0]?.seen).toBeGreaterThan(300);
      expect(rows[0]?.compiled).toBeNull();
    } finally {
      await admin.end();
    }
  });
});
