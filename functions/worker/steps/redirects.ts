// Redirects: the request that follows one. Another origin gets a GET or HEAD request with harmless headers, because
// the author of the step did not choose it for a body or a credential.

import { StepError } from './errors.ts';

export interface Hop {
  method: string;
  url: URL;
  headers: Headers;
  body?: string | Uint8Array | undefined;
}

/** Headers that describe the client and its preferences. Any other header could be a credential. */
const SAFE_HEADERS: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'cache-control',
  'pragma',
  'range',
  'user-agent',
]);

export function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

/** The request to the target of a redirect; throws if it may not be followed. */
export function nextHop(hop: Hop, status: number, location: string): Hop {
  const url = redirectTarget(location, hop.url);
  if (url.origin !== hop.url.origin) return otherOrigin(hop, url);
  const becomesGet = status === 303 || (status < 303 && hop.method === 'POST');
  if (!becomesGet) return { ...hop, url };
  const headers = new Headers(hop.headers);
  for (const name of ['content-type', 'content-length']) headers.delete(name);
  return { method: hop.method === 'HEAD' ? 'HEAD' : 'GET', url, headers };
}

function redirectTarget(location: string, from: URL): URL {
  if (!URL.canParse(location, from)) {
    throw new StepError('http_bad_redirect', 'the server redirected to an invalid URL');
  }
  return new URL(location, from);
}

function otherOrigin({ method, url: from, headers }: Hop, url: URL): Hop {
  if (method !== 'GET' && method !== 'HEAD') {
    throw new StepError(
      'http_cross_origin_redirect',
      `${from.origin} redirected a ${method} request to ${url.origin}; only GET and HEAD requests follow a redirect to another origin`,
    );
  }
  const kept = [...headers].filter(([name]) => SAFE_HEADERS.has(name));
  return { method, url, headers: new Headers(kept) };
}
