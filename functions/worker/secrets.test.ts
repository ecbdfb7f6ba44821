// Secrets: an app finds its own in the environment or in Vault, and never one of another app.

import assert from 'node:assert/strict';
import { createSecrets, variableOf } from './secrets.ts';

const withoutVault = { readSecret: () => Promise.resolve(undefined) };

Deno.test('an app cannot read the secret of another app with the same prefix in its code', async () => {
  const secretsOf = createSecrets(withoutVault, {
    STEPBASE_SECRET_ACME_PROD__KEY: 'of acme-prod',
    STEPBASE_SECRET_ACME__PROD_KEY: 'of acme',
  });
  assert.equal((await secretsOf('acme-prod')('key'))?.value, 'of acme-prod');
  assert.equal((await secretsOf('acme')('prod_key'))?.value, 'of acme');
  assert.equal(await secretsOf('acme')('key'), undefined);
  assert.equal(await secretsOf('acme')('empty'), undefined);
});

Deno.test('the environment has precedence; Vault has the other secrets, with any name', async () => {
  const requested: string[] = [];
  const readSecret = (appCode: string, name: string) => {
    requested.push(`${appCode}/${name}`);
    return Promise.resolve({ value: 'from vault' });
  };
  const secretsOf = createSecrets({ readSecret }, { STEPBASE_SECRET_ACME__KEY: 'from env' });
  assert.deepEqual(await secretsOf('acme')('key'), { value: 'from env' });
  assert.deepEqual(await secretsOf('acme')('Other-Key'), { value: 'from vault' });
  assert.deepEqual(requested, ['acme/Other-Key']);
});

Deno.test('two secrets never share a variable', () => {
  const names = ['key', 'prod_key', '_key', '__key', 'prod__key', '_prod_key', 'b_key', '1'];
  const variables = ['acme', 'acme-prod', 'acme-prod-b', 'acme1', 'acme-1'].flatMap((app) =>
    names.map((name) => variableOf(app, name)),
  );
  assert.equal(new Set(variables).size, variables.length);
  for (const name of ['Key', 'a-key', 'clé', 'a b', '', 'key__hosts']) {
    assert.equal(variableOf('acme', name), undefined, name);
  }
});

Deno.test('a variable beside the secret lists the hosts that may receive it', async () => {
  const secretsOf = createSecrets(withoutVault, {
    STEPBASE_SECRET_ACME__KEY: 'k',
    STEPBASE_SECRET_ACME__KEY__HOSTS: 'api.example.com, *.pay.example ,',
    STEPBASE_SECRET_ACME__SHUT: 's',
    STEPBASE_SECRET_ACME__SHUT__HOSTS: ' ',
  });
  const hosts = ['api.example.com', '*.pay.example'];
  assert.deepEqual(await secretsOf('acme')('key'), { value: 'k', hosts });
  assert.deepEqual(await secretsOf('acme')('shut'), { value: 's', hosts: [] });
  assert.equal(await secretsOf('acme')('key__hosts'), undefined);
});
