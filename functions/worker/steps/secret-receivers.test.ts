// Hosts of secrets: which URLs a list of hosts includes.

import assert from 'node:assert/strict';
import { assertMayReceive } from './secret-receivers.ts';

function may(url: string, ...hosts: string[]): boolean {
  try {
    assertMayReceive(new URL(url), [{ secret: 'key', hosts }]);
    return true;
  } catch {
    return false;
  }
}

Deno.test('a host includes each of its ports, a host with a port only this one', () => {
  assert.equal(may('https://api.example/a', 'api.example'), true);
  assert.equal(may('http://API.example:8080/', 'Api.Example'), true);
  assert.equal(may('https://api.example/', 'api.example:443'), true);
  assert.equal(may('http://api.example/', 'api.example:443'), false);
  assert.equal(may('https://api.example:8443/', 'api.example:443'), false);
  assert.equal(may('http://[::1]:8080/', '[::1]:8080'), true);
  assert.equal(may('smtps://mail.example', 'mail.example:465'), true);
});

Deno.test('a wildcard includes the hosts below a domain, not the domain', () => {
  assert.equal(may('https://a.pay.example/', '*.pay.example'), true);
  assert.equal(may('https://a.b.pay.example/', '*.pay.example'), true);
  assert.equal(may('https://pay.example/', '*.pay.example'), false);
  assert.equal(may('https://.pay.example/', '*.pay.example'), false);
  assert.equal(may('https://evilpay.example/', '*.pay.example'), false);
  assert.equal(may('https://a.pay.example:8443/', '*.pay.example:8443'), true);
});

Deno.test('hosts that only look alike are not included', () => {
  for (const url of [
    'https://api.example.evil.test/',
    'https://api.example@evil.test/',
    'https://evil.test/api.example',
    'https://evil.test/?api.example',
    'https://evil.test#api.example',
    'https://api.example./',
    'https://xapi.example/',
  ]) {
    assert.equal(may(url, 'api.example', '*.api.example'), false, url);
  }
  assert.equal(may('https://api.example/'), false);
});

Deno.test('every secret of the attempt must allow the host', () => {
  const receivers = [
    { secret: 'a', hosts: ['api.example', 'x.example'] },
    { secret: 'b', hosts: ['x.example'] },
  ];
  assertMayReceive(new URL('https://x.example/'), receivers);
  assert.throws(() => assertMayReceive(new URL('https://api.example/'), receivers), {
    code: 'secret_host_not_allowed',
    details: { secret: 'b' },
  });
  assertMayReceive(new URL('https://anywhere.example/'), []);
});
