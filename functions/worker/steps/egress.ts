// Egress: steps may connect to public addresses, and to private ones only if the operator lists them. Before each hop,
// redirects included, the name is resolved and every address is checked; the connection uses the checked addresses.

import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { isPrivateAddress } from './address-ranges.ts';
import { StepError } from './errors.ts';

export interface EgressPolicy {
  /** True in the embedded stack, where the services that steps call are on loopback. */
  allowPrivateNetwork: boolean;
  /** Private hosts, host:port pairs and CIDR ranges that are allowed. */
  allow: readonly string[];
  resolve: Resolver;
}

export type Resolver = (hostname: string) => Promise<readonly string[]>;

const systemResolver: Resolver = async (hostname) =>
  (await lookup(hostname, { all: true })).map((entry) => entry.address);

export function createEgressPolicy({
  allowPrivateNetwork,
  allow,
  resolve = systemResolver,
}: Omit<EgressPolicy, 'resolve'> & Partial<EgressPolicy>): EgressPolicy {
  return { allowPrivateNetwork, allow: allow.map((entry) => entry.toLowerCase()), resolve };
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

/**
 * The addresses that a call of this URL may connect to; undefined if the policy allows every address. Throws for a
 * URL that steps must not call: a public name of a private address is refused, too.
 */
export async function checkedAddresses(
  url: URL,
  policy: EgressPolicy,
): Promise<readonly string[] | undefined> {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new StepError(
      'egress_blocked',
      `only http and https URLs can be called, not ${url.protocol}`,
    );
  }
  if (policy.allowPrivateNetwork) return undefined;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const addresses = isIP(host) === 0 ? await resolved(host, policy.resolve) : [host];
  const isPublic = addresses.length > 0 && !addresses.some(isPrivateAddress);
  if (isPublic || isListed(policy, url, addresses)) return addresses;
  throw new StepError(
    'egress_blocked',
    `${host} is a private address; steps may call it only when the operator allows it`,
  );
}

async function resolved(host: string, resolve: Resolver): Promise<readonly string[]> {
  try {
    return await resolve(host);
  } catch (cause) {
    throw new StepError('network_error', `the host ${host} could not be resolved`, {
      retryable: true,
      cause,
    });
  }
}
