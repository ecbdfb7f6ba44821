// The security headers of the web client. docs/operations/secure.md has the same set for static hosts.

export function webHeaders(apiUrl: string): Record<string, string> {
  const { origin } = new URL(apiUrl);
  const policy = {
    'default-src': "'none'",
    'script-src': "'self'",
    // Mantine writes the styles of its theme and of responsive properties, and CodeMirror those of its editor where the
    // browser has no style sheets without an element, into <style> elements. A nonce would have to change with each
    // response, which a static host cannot do. Attributes in markup are not allowed: React sets styles by script.
    'style-src': "'self' 'unsafe-inline'",
    'style-src-attr': "'none'",
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
