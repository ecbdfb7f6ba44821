// The hosts that may receive a secret. Every connection of a step checks them, redirects included.

import { isIP } from 'node:net';
import { StepError } from './errors.ts';

/** A secret that names its hosts: `host`, `host:port` or `*.domain` for every host below a domain. */
export interface Receivers {
  secret: string;
  hosts: readonly string[];
}

/** Throws if a secret of the attempt names hosts and none of them is the host of the URL. */
export function assertMayReceive(url: URL, receivers: readonly Receivers[]): void {
  const host = url.hostname.toLowerCase();
  const port = url.port || defaultPorts[url.protocol] || '';
  for (const { secret, hosts } of receivers) {
    if (hosts.some((pattern) => matches(pattern.toLowerCase(), host, port))) continue;
    // Without the host: an expression could have made it of the secret.
    throw new StepError(
      'secret_host_not_allowed',
      `the secret ${secret} may not be sent to this host; the hosts that may receive it are stored with the secret`,
      { details: { secret } },
    );
  }
}

const defaultPorts: Readonly<Record<string, string>> = {
  'http:': '80',
  'https:': '443',
  'smtp:': '587',
  'smtps:': '465',
};

function matches(pattern: string, host: string, port: string): boolean {
  const suffix = `:${port}`;
  const name = pattern.endsWith(suffix) ? pattern.slice(0, -suffix.length) : pattern;
  if (name.startsWith('*.')) {
    return isIP(host) === 0 && host.endsWith(name.slice(1)) && host.length > name.length - 1;
  }
  return name === host;
}
