// Secrets in the environment: each app finds its own, and never another's.

import assert from 'node:assert/strict';
import type { Db } from '../_shared/db/pool.ts';
import { createSecrets, variableOf } from './secrets.ts';

const noVault: Db = {
  query: () => Promise.resolve([]),
  transaction: () => Promise.reject(new Error('nothing is written here')),
  executeSql: () => Promise.reject(new Error('nothing is written here')),
  close: () => Promise.resolve(),
};

Deno.test('an app does not read the secret of another whose code begins like its own', async () => {
  const secretsOf = createSecrets(noVault, {
    STEPBASE_SECRET_ACME_PROD__KEY: 'of acme-prod',
    STEPBASE_SECRET_ACME__PROD_KEY: 'of acme',
    STEPBASE_SECRET_ACME__EMPTY: '',
  });
  assert.equal(await secretsOf('acme-prod')('key'), 'of acme-prod');
  assert.equal(await secretsOf('acme')('prod_key'), 'of acme');
  assert.equal(await secretsOf('acme')('key'), undefined);
  assert.equal(await secretsOf('acme')('empty'), undefined);
});

Deno.test('no two secrets share a variable', () => {
  const names = ['key', 'prod_key', '_key', '__key', 'prod__key', '_prod_key', 'b_key', '1'];
  const variables = ['acme', 'acme-prod', 'acme-prod-b', 'acme1', 'acme-1'].flatMap((app) =>
    names.map((name) => variableOf(app, name)),
  );
  assert.equal(new Set(variables).size, variables.length);
  for (const name of ['Key', 'a-key', 'clé', 'a b', '']) {
    assert.equal(variableOf('acme', name), undefined, name);
  }
});
