// Secrets: an app finds its own in the environment or in the database, and never one of another app.

import assert from 'node:assert/strict';
import { createSecrets, variableOf } from './secrets.ts';
import { StepError } from './steps/errors.ts';

const withoutStored = { readSecret: () => Promise.resolve(undefined) };
const attemptOf = (app_code: string) => ({
  app_code,
  step_run_id: `step of ${app_code}`,
  fence: 3,
});

Deno.test('an app cannot read the secret of another app with the same prefix in its code', async () => {
  const secretsOf = createSecrets(withoutStored, {
    STEPBASE_SECRET_ACME_PROD__KEY: 'of acme-prod',
    STEPBASE_SECRET_ACME__PROD_KEY: 'of acme',
  });
  assert.equal((await secretsOf(attemptOf('acme-prod'))('key'))?.value, 'of acme-prod');
  assert.equal((await secretsOf(attemptOf('acme'))('prod_key'))?.value, 'of acme');
  assert.equal(await secretsOf(attemptOf('acme'))('key'), undefined);
  assert.equal(await secretsOf(attemptOf('acme'))('empty'), undefined);
});

Deno.test('the environment has precedence; the database has the other secrets, with any name', async () => {
  const requested: string[] = [];
  const readSecret = (stepRunId: string, fence: number, name: string) => {
    requested.push(`${stepRunId}/${fence}/${name}`);
    return Promise.resolve({ value: 'from the database' });
  };
  const secretsOf = createSecrets({ readSecret }, { STEPBASE_SECRET_ACME__KEY: 'from env' });
  assert.deepEqual(await secretsOf(attemptOf('acme'))('key'), { value: 'from env' });
  assert.deepEqual(await secretsOf(attemptOf('acme'))('Other-Key'), { value: 'from the database' });
  assert.deepEqual(requested, ['step of acme/3/Other-Key']);
});

Deno.test('an attempt without its lease fails with a retryable error, other errors stay', async () => {
  const rejecting = (code: string) =>
    createSecrets(
      { readSecret: () => Promise.reject(Object.assign(new Error('refused'), { code })) },
      {},
    )(attemptOf('acme'))('key');
  await assert.rejects(rejecting('SB409'), (error) => {
    assert(error instanceof StepError);
    assert.equal(error.code, 'lease_lost');
    return error.retryable;
  });
  await assert.rejects(rejecting('57014'), { code: '57014' });
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
  const secretsOf = createSecrets(withoutStored, {
    STEPBASE_SECRET_ACME__KEY: 'k',
    STEPBASE_SECRET_ACME__KEY__HOSTS: 'api.example.com, *.pay.example ,',
    STEPBASE_SECRET_ACME__SHUT: 's',
    STEPBASE_SECRET_ACME__SHUT__HOSTS: ' ',
  });
  const hosts = ['api.example.com', '*.pay.example'];
  assert.deepEqual(await secretsOf(attemptOf('acme'))('key'), { value: 'k', hosts });
  assert.deepEqual(await secretsOf(attemptOf('acme'))('shut'), { value: 's', hosts: [] });
  assert.equal(await secretsOf(attemptOf('acme'))('key__hosts'), undefined);
});
