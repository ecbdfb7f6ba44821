// Pages of other origins may call the services and read their answers, as on a hosted project: the tokens protect the
// data, not the origin. Functions decide for themselves.

import type { IncomingMessage, ServerResponse } from 'node:http';

/** What a script may read besides the simple headers, by service. */
const EXPOSED: Record<string, string> = {
  auth: 'X-Total-Count, Link, X-Supabase-Api-Version, X-Sb-Error-Code',
  rest: 'Content-Encoding, Content-Location, Content-Range, Content-Type, Location, Range-Unit, Preference-Applied',
  realtime: 'Content-Type',
  storage: 'Content-Encoding, Content-Range, Content-Type',
};

/**
 * Sets the headers for other origins of an answer of /auth/v1, /rest/v1, /realtime/v1 or /storage/v1. Answers a preflight
 * itself, and returns true then.
 */
export function admitOrigins(
  service: string | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  const exposed = Object.hasOwn(EXPOSED, service ?? '') ? EXPOSED[service ?? ''] : undefined;
  if (exposed === undefined) return false;
  response.setHeader('access-control-allow-origin', '*');
  if (request.method !== 'OPTIONS') {
    response.setHeader('access-control-expose-headers', exposed);
    return false;
  }
  response.setHeader(
    'access-control-allow-methods',
    'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS',
  );
  // `*` does not stand for authorization (Fetch Standard), so each header is named.
  response.setHeader(
    'access-control-allow-headers',
    request.headers['access-control-request-headers'] ?? 'authorization',
  );
  response.setHeader('access-control-max-age', '86400');
  response.writeHead(200).end();
  return true;
}
