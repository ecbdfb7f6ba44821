// Errors as Supabase Auth sends them, and the answers for the features that the embedded Auth lacks.

export function authJson(status: number, body: unknown, headers: Record<string, string> = {}) {
  return Response.json(body, { status, headers });
}

/** An error without a code is one of a hook. */
export function authError(status: number, code: string | undefined, message: string): Response {
  return authJson(
    status,
    { code: status, error_code: code, msg: message },
    code === undefined ? {} : { 'X-Sb-Error-Code': code },
  );
}

/** The answer of a hosted project on which the feature is switched off; undefined for other paths. */
export function absentFeature(method: string, path: string): Response | undefined {
  if (path === '/auth/v1/factors' && method === 'POST') {
    return authError(422, 'mfa_totp_enroll_not_enabled', 'MFA enroll is disabled for TOTP');
  }
  if (/^\/auth\/v1\/factors\/[^/]+\/(challenge|verify)$/.test(path)) {
    return authError(422, 'mfa_totp_verify_not_enabled', 'MFA verification is disabled for TOTP');
  }
  if (/^\/auth\/v1\/factors\/[^/]+$/.test(path)) {
    return authError(404, 'mfa_factor_not_found', 'Factor not found');
  }
  if (/^\/auth\/v1\/(sso|saml|oauth|passkeys|web3)(\/|$)/.test(path)) {
    return authError(422, 'not_implemented', `The embedded Auth does not have ${path}`);
  }
  return undefined;
}
