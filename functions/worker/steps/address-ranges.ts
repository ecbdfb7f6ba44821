// The address ranges that steps must not call: the special-purpose registries of IANA, and addresses of cloud
// platforms that look public.

import { BlockList, isIP } from 'node:net';

type Range = readonly [address: string, prefix: number, reason: string];

const IPV4_RANGES: readonly Range[] = [
  ['0.0.0.0', 8, 'this network (RFC 791); 0.0.0.0 reaches loopback'],
  ['10.0.0.0', 8, 'private use (RFC 1918)'],
  ['100.64.0.0', 10, 'shared by carriers (RFC 6598); metadata service of Alibaba Cloud'],
  ['127.0.0.0', 8, 'loopback (RFC 1122)'],
  ['168.63.129.16', 32, 'platform services of Azure'],
  ['169.254.0.0', 16, 'link-local (RFC 3927); metadata services of most clouds'],
  ['172.16.0.0', 12, 'private use (RFC 1918)'],
  ['192.0.0.0', 24, 'protocol assignments (RFC 6890); metadata service of Oracle Cloud'],
  ['192.0.2.0', 24, 'documentation (RFC 5737)'],
  ['192.31.196.0', 24, 'AS112 (RFC 7535): a node of the local network may answer'],
  ['192.52.193.0', 24, 'multicast tunnels (RFC 7450)'],
  ['192.88.99.0', 24, '6to4 relays, deprecated (RFC 7526)'],
  ['192.168.0.0', 16, 'private use (RFC 1918)'],
  ['192.175.48.0', 24, 'AS112 (RFC 7534): a node of the local network may answer'],
  ['198.18.0.0', 15, 'benchmarks of networks (RFC 2544)'],
  ['198.51.100.0', 24, 'documentation (RFC 5737)'],
  ['203.0.113.0', 24, 'documentation (RFC 5737)'],
  ['224.0.0.0', 4, 'multicast (RFC 5771)'],
  ['240.0.0.0', 4, 'reserved (RFC 1112), and the broadcast address'],
];

const IPV6_RANGES: readonly Range[] = [
  // Only 2000::/3 is global unicast (RFC 4291); the next three entries are everything else.
  [
    '::',
    3,
    'not global unicast: loopback, IPv4-compatible, discard (100::/64) and NAT64 (64:ff9b::/96)',
  ],
  ['4000::', 2, 'not global unicast: segment routing (5f00::/16)'],
  ['8000::', 1, 'not global unicast: unique local (fc00::/7), link-local (fe80::/10), multicast'],
  ['::', 96, 'unspecified, loopback and IPv4-compatible (RFC 4291)'],
  ['::ffff:0:0:0', 96, 'IPv4-translated (RFC 2765)'],
  ['64:ff9b::', 96, 'NAT64 (RFC 6052): contains any IPv4 address'],
  ['64:ff9b:1::', 48, 'NAT64 of the local network (RFC 8215)'],
  ['100::', 64, 'discard (RFC 6666)'],
  ['100:0:0:1::', 64, 'dummy prefix (RFC 9780)'],
  ['2001::', 23, 'protocol assignments (RFC 2928), with Teredo'],
  ['2001:db8::', 32, 'documentation (RFC 3849)'],
  ['2002::', 16, '6to4 (RFC 3056): contains any IPv4 address'],
  ['2620:4f:8000::', 48, 'AS112 (RFC 7534): a node of the local network may answer'],
  ['3fff::', 20, 'documentation (RFC 9637)'],
  ['5f00::', 16, 'segment routing (RFC 9602)'],
  ['fc00::', 7, 'unique local (RFC 4193); metadata service of AWS over IPv6'],
  ['fe80::', 10, 'link-local (RFC 4291)'],
  ['fec0::', 10, 'site-local, deprecated (RFC 3879)'],
  ['ff00::', 8, 'multicast (RFC 4291)'],
];

const blocked = new BlockList();
for (const [address, prefix] of IPV4_RANGES) blocked.addSubnet(address, prefix, 'ipv4');
for (const [address, prefix] of IPV6_RANGES) blocked.addSubnet(address, prefix, 'ipv6');

/** True for an address of the ranges, and for text that is no address. */
export function isPrivateAddress(address: string): boolean {
  const plain = address.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
  const family = isIP(plain);
  if (family === 0) return true;
  if (family === 4) return blocked.check(plain, 'ipv4');
  const mapped = mappedIpv4(plain);
  return mapped === undefined ? blocked.check(plain, 'ipv6') : blocked.check(mapped, 'ipv4');
}

/** ::ffff:127.0.0.1 and ::ffff:7f00:1 lead to the same socket as 127.0.0.1. */
function mappedIpv4(address: string): string | undefined {
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const match = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical);
  if (match === null) return undefined;
  const high = Number.parseInt(match[1] ?? '0', 16);
  const low = Number.parseInt(match[2] ?? '0', 16);
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}
