// Egress: steps may connect to public addresses, and to private ones only if the operator lists them. Before each hop,
// redirects included, the name is resolved and every address is checked.

import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { StepError } from './errors.ts';

export interface EgressPolicy {
  /** True in the embedded stack, where the services that steps call are on loopback. */
  allowPrivateNetwork: boolean;
  /** Private hosts, host:port pairs and CIDR ranges that are allowed. */
  allow: readonly string[];
}

export function createEgressPolicy({ allowPrivateNetwork, allow }: EgressPolicy): EgressPolicy {
  return { allowPrivateNetwork, allow: allow.map((entry) => entry.toLowerCase()) };
}

/** The special-purpose ranges of RFC 6890 and its updates. */
const privateRanges: readonly (readonly [string, number, 'ipv4' | 'ipv6'])[] = [
  ['0.0.0.0', 8, 'ipv4'],
  ['10.0.0.0', 8, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.0.0.0', 24, 'ipv4'],
  ['192.0.2.0', 24, 'ipv4'],
  ['192.88.99.0', 24, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['198.18.0.0', 15, 'ipv4'],
  ['198.51.100.0', 24, 'ipv4'],
  ['203.0.113.0', 24, 'ipv4'],
  ['224.0.0.0', 4, 'ipv4'],
  ['240.0.0.0', 4, 'ipv4'],
  ['::', 96, 'ipv6'],
  ['64:ff9b::', 96, 'ipv6'],
  ['64:ff9b:1::', 48, 'ipv6'],
  ['100::', 64, 'ipv6'],
  ['2001::', 23, 'ipv6'],
  ['2001:db8::', 32, 'ipv6'],
  ['2002::', 16, 'ipv6'],
  ['fc00::', 7, 'ipv6'],
  ['fe80::', 10, 'ipv6'],
  ['ff00::', 8, 'ipv6'],
];

const blocked = new BlockList();
for (const [address, prefix, family] of privateRanges) blocked.addSubnet(address, prefix, family);

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

function isListed(policy: EgressPolicy, url: URL, addresses: readonly string[]): boolean {
  const host = url.hostname.toLowerCase();
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  const ranges = new BlockList();
  let hasRange = false;
  for (const entry of policy.allow) {
    if (entry === host || entry === `${host}:${port}`) return true;
    const [address = '', prefix = ''] = entry.split('/');
    const family = isIP(address);
    if (family === 0 || !/^\d{1,3}$/.test(prefix)) continue;
    ranges.addSubnet(address, Number(prefix), family === 4 ? 'ipv4' : 'ipv6');
    hasRange = true;
  }
  return (
    hasRange &&
    addresses.length > 0 &&
    addresses.every((address) => ranges.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6'))
  );
}

export type Resolver = (hostname: string) => Promise<readonly string[]>;

const systemResolver: Resolver = async (hostname) =>
  (await lookup(hostname, { all: true })).map((entry) => entry.address);

/** Throws for a URL that steps must not call. It resolves the name, so a public name of a private address is refused too. */
export async function assertAllowedUrl(
  url: URL,
  policy: EgressPolicy,
  resolve: Resolver = systemResolver,
): Promise<void> {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new StepError(
      'egress_blocked',
      `only http and https URLs can be called, not ${url.protocol}`,
    );
  }
  if (policy.allowPrivateNetwork) return;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  let addresses: readonly string[];
  if (isIP(host) === 0) {
    try {
      addresses = await resolve(host);
    } catch (cause) {
      throw new StepError('network_error', `the host ${host} could not be resolved`, {
        retryable: true,
        cause,
      });
    }
  } else {
    addresses = [host];
  }
  if (addresses.length > 0 && !addresses.some(isPrivateAddress)) return;
  if (isListed(policy, url, addresses)) return;
  throw new StepError(
    'egress_blocked',
    `${host} is a private address; steps may call it only when the operator allows it`,
  );
}
