// Egress: every spelling of a private address is refused.

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isPrivateAddress } from './address-ranges.ts';
import { checkedAddresses, createEgressPolicy } from './egress.ts';
import { StepError } from './errors.ts';

const closed = createEgressPolicy({ allowPrivateNetwork: false, allow: [] });

async function codeOf(
  url: string,
  addresses: readonly string[] = [],
  policy = closed,
): Promise<string> {
  try {
    await checkedAddresses(new URL(url), { ...policy, resolve: () => Promise.resolve(addresses) });
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
    '64:ff9b::0808:0808',
    '64:ff9b:1::1',
    '100::1',
    '100:0:0:1::1',
    '::ffff:0:7f00:1',
    '::ffff:0:808:808',
    '::7f00:1',
    'fec0::1',
    'febf::1',
    '2001::1',
    '2001:db8::1',
    '2002:7f00:1::',
    '3fff::1',
    '3fff:fff::1',
    '5f00::1',
    '4000::1',
    'ff02::1',
    'fd00:ec2::254',
    '192.0.0.192',
    '192.88.99.1',
    '198.19.255.255',
    '168.63.129.16',
    '100.100.100.200',
    '240.0.0.1',
    'fe80::1%eth0',
    'not an address',
  ]) {
    assert.equal(isPrivateAddress(address), true, address);
  }
  for (const address of [
    '93.184.216.34',
    '172.32.0.1',
    '168.63.129.17',
    '100.128.0.1',
    '198.20.0.1',
    '223.255.255.255',
    '2606:2800:220:1::1',
    '2a00:1450:4001:82a::200e',
    '2003::1',
    '3ffe::1',
    '3fff:1000::1',
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
    await checkedAddresses(new URL('http://nowhere.example/'), {
      ...closed,
      resolve: () => Promise.reject(new Error('ENOTFOUND')),
    });
    assert.fail('must not be allowed');
  } catch (error) {
    assert.ok(error instanceof StepError);
    assert.deepEqual([error.code, error.retryable], ['network_error', true]);
  }
});

Deno.test('the addresses of a call are those that were checked', async () => {
  const answers = [['93.184.216.34', '2606:2800:220:1::1'], ['127.0.0.1']];
  const policy = { ...closed, resolve: () => Promise.resolve(answers.shift() ?? []) };
  assert.deepEqual(await checkedAddresses(new URL('https://api.example/'), policy), [
    '93.184.216.34',
    '2606:2800:220:1::1',
  ]);
  assert.equal(answers.length, 1);
  assert.deepEqual(await checkedAddresses(new URL('https://[2606:2800::1]/'), closed), [
    '2606:2800::1',
  ]);
});

const ipv4 = fc.ipV4();
const group = (high: string | undefined, low: string | undefined) =>
  (Number(high) * 256 + Number(low)).toString(16);
/** The two last groups of an IPv6 address that contains an IPv4 address. */
const groups = (address: string): string => {
  const [a, b, c, d] = address.split('.');
  return `${group(a, b)}:${group(c, d)}`;
};

Deno.test('a mapped IPv4 address is as private as the address itself, in every spelling', () => {
  fc.assert(
    fc.property(ipv4, (address) => {
      const isPrivate = isPrivateAddress(address);
      for (const form of [
        `::ffff:${address}`,
        `::FFFF:${groups(address)}`,
        `[::ffff:${groups(address)}]`,
        `0:0:0:0:0:ffff:${groups(address)}`,
      ]) {
        assert.equal(isPrivateAddress(form), isPrivate, form);
      }
    }),
  );
});

Deno.test('an IPv6 address that translates to IPv4 is private for every content', () => {
  fc.assert(
    fc.property(ipv4, fc.integer({ min: 0, max: 0xffff }), (address, number) => {
      const low = groups(address);
      for (const form of [
        `::${low}`,
        `::ffff:0:${low}`,
        `64:ff9b::${low}`,
        `64:ff9b:1:${number.toString(16)}::${low}`,
        `2002:${low}::${number.toString(16)}`,
        `2001:0:${low}::1`,
      ]) {
        assert.equal(isPrivateAddress(form), true, form);
      }
    }),
  );
});

Deno.test('every IPv6 address outside 2000::/3 is private', () => {
  const first = fc.integer({ min: 0, max: 0xffff }).filter((value) => value >> 13 !== 1);
  const rest = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 7, maxLength: 7 });
  fc.assert(
    fc.property(first, rest, (head, tail) => {
      const address = [head, ...tail].map((value) => value.toString(16)).join(':');
      const isMapped = /^0:0:0:0:0:ffff:/.test(address);
      assert.equal(isMapped || isPrivateAddress(address), true, address);
    }),
  );
});
