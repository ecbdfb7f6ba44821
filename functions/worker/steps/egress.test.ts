// Egress: every spelling of a private address is refused.

import assert from 'node:assert/strict';
import { assertAllowedUrl, createEgressPolicy, isPrivateAddress } from './egress.ts';
import { StepError } from './errors.ts';

const closed = createEgressPolicy({ allowPrivateNetwork: false, allow: [] });

async function codeOf(
  url: string,
  addresses: readonly string[] = [],
  policy = closed,
): Promise<string> {
  try {
    await assertAllowedUrl(new URL(url), policy, () => Promise.resolve(addresses));
    return 'allowed';
  } catch (error) {
    return error instanceof StepError ? error.code : String(error);
  }
}

Deno.test('private, loopback, link-local and mapped addresses are private', () => {
  for (const address of [
    '127.0.0.1',
    '127.255.0.1',
    '10.1.2.3',
    '172.31.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '224.0.0.1',
    '255.255.255.255',
    '::1',
    '::',
    'fe80::1',
    'fd00::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '64:ff9b::7f00:1',
    'not an address',
  ]) {
    assert.equal(isPrivateAddress(address), true, address);
  }
  for (const address of [
    '93.184.216.34',
    '172.32.0.1',
    '2606:2800:220:1::1',
    '::ffff:93.184.216.34',
  ]) {
    assert.equal(isPrivateAddress(address), false, address);
  }
});

Deno.test('numeric spellings of loopback addresses are refused', async () => {
  for (const host of ['127.1', '2130706433', '0x7f000001', '0177.0.0.1', '[::ffff:127.0.0.1]']) {
    assert.equal(await codeOf(`http://${host}/`), 'egress_blocked', host);
  }
});

Deno.test('a name is allowed only if all of its addresses are public', async () => {
  assert.equal(await codeOf('https://api.example/', ['93.184.216.34']), 'allowed');
  assert.equal(await codeOf('https://api.example/', ['10.0.0.1']), 'egress_blocked');
  assert.equal(
    await codeOf('https://api.example/', ['93.184.216.34', '10.0.0.1']),
    'egress_blocked',
  );
  assert.equal(await codeOf('https://api.example/', []), 'egress_blocked');
});

Deno.test('only http and https are allowed', async () => {
  assert.equal(await codeOf('file:///etc/passwd'), 'egress_blocked');
  assert.equal(await codeOf('ftp://api.example/', ['93.184.216.34']), 'egress_blocked');
});

Deno.test('the allow-list contains hosts, ports and ranges', async () => {
  const policy = createEgressPolicy({
    allowPrivateNetwork: false,
    allow: ['ERP.internal', '10.1.0.5:8080', '192.168.7.0/24'],
  });
  assert.equal(await codeOf('http://erp.internal/', ['10.9.9.9'], policy), 'allowed');
  assert.equal(await codeOf('http://10.1.0.5:8080/', [], policy), 'allowed');
  assert.equal(await codeOf('http://10.1.0.5/', [], policy), 'egress_blocked');
  assert.equal(await codeOf('http://192.168.7.9/', [], policy), 'allowed');
  assert.equal(await codeOf('http://192.168.8.9/', [], policy), 'egress_blocked');
});

Deno.test('allowPrivateNetwork allows every address', async () => {
  const policy = createEgressPolicy({ allowPrivateNetwork: true, allow: [] });
  assert.equal(await codeOf('http://127.0.0.1/', [], policy), 'allowed');
});

Deno.test('a name that cannot be resolved is a retryable error', async () => {
  try {
    await assertAllowedUrl(new URL('http://nowhere.example/'), closed, () =>
      Promise.reject(new Error('ENOTFOUND')),
    );
    assert.fail('must not be allowed');
  } catch (error) {
    assert.ok(error instanceof StepError);
    assert.deepEqual([error.code, error.retryable], ['network_error', true]);
  }
});
