// DATABASE_CA holds the certificate of the authority as PEM; its line breaks may be written as \n.

import assert from 'node:assert/strict';
import { parseEnv } from '../env/env.ts';
import { databaseAddress, pemOf } from './tls.ts';

const PEM = '-----BEGIN CERTIFICATE-----\nMIIB\nAAAA\n-----END CERTIFICATE-----\n';
const SUPABASE_URL = 'https://ref.example';

Deno.test('line breaks may be written as \\n', () => {
  assert.equal(pemOf(PEM.replaceAll('\n', '\\n')), PEM);
  assert.equal(pemOf(`  ${PEM}\n`), PEM);
  assert.equal(pemOf(PEM), PEM);
});

Deno.test('without a certificate authority the address stays as it is', () => {
  const url = 'postgres://u:p@h:6543/d?sslmode=require&uselibpqcompat=true';
  assert.deepEqual(databaseAddress(url, undefined), { url });
});

Deno.test('with one, the parameters that would override it are removed and the others stay', () => {
  for (const parameters of ['sslmode=disable', 'sslmode=no-verify&uselibpqcompat=true', '']) {
    const url = `postgres://u:p%40@h:6543/d?${parameters}&application_name=x`;
    const { url: address, ssl } = databaseAddress(url, PEM);
    assert.equal(address, 'postgres://u:p%40@h:6543/d?application_name=x');
    assert.deepEqual(ssl, { ca: PEM });
  }
});

Deno.test('the environment refuses what is no certificate', () => {
  const parse = (DATABASE_CA: string) =>
    parseEnv({ SUPABASE_URL, DATABASE_URL: 'postgres://h/d', DATABASE_CA }).database.ssl;
  assert.deepEqual(parse(PEM.replaceAll('\n', '\\n')), { ca: PEM });
  assert.equal(parse(''), undefined);
  assert.throws(() => parse('/etc/ssl/ca.pem'), /DATABASE_CA: is not a certificate in PEM format/);
});
