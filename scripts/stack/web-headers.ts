// The security headers of the web client. docs/operations/secure.md has the same set for static hosts.

import { createHash } from 'node:crypto';

/** `inlineScript`: the only script in the page itself. */
export function webHeaders(apiUrl: string, inlineScript: string): Record<string, string> {
  const { origin } = new URL(apiUrl);
  const hash = createHash('sha256').update(inlineScript).digest('base64');
  const policy = {
    'default-src': "'none'",
    'script-src': `'self' 'sha256-${hash}'`,
    'style-src': "'self'",
    'img-src': "'self' data: https:",
    'font-src': "'self'",
    // Data API, Auth and HTTP API, and the websocket of Realtime.
    'connect-src': `'self' ${origin} ${origin.replace(/^http/, 'ws')}`,
    'base-uri': "'none'",
    'form-action': "'none'",
    'frame-ancestors': "'none'",
  };
  return {
    'content-security-policy': Object.entries(policy)
      .map(([directive, sources]) => `${directive} ${sources}`)
      .join('; '),
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'same-origin',
    'permissions-policy': 'camera=(), geolocation=(), microphone=()',
    'cross-origin-opener-policy': 'same-origin',
  };
}
