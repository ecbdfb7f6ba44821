// The one map: SQLSTATE → stable code → HTTP status. The database raises class SB (stepbase_private.raise_error); the
// map also lists PostgreSQL's own states that a caller can cause. Any other state is internal_error.

import { AWAY_SQLSTATES } from '../db/faults.ts';

export interface ErrorKind {
  status: number;
  title: string;
}

/** Codes are stable: `code` in problem+json and in the detail of SQL errors. */
export const ERRORS = {
  invalid_request: { status: 400, title: 'The request is not valid' },
  not_authenticated: { status: 401, title: 'Sign in first' },
  permission_denied: { status: 403, title: 'Permission denied' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  conflict: { status: 409, title: 'Conflict with the current state' },
  immutable: { status: 409, title: 'Cannot be changed' },
  precondition_failed: { status: 412, title: 'Changed since it was read' },
  payload_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The body must be JSON' },
  invalid_input: { status: 422, title: 'The input does not match its schema' },
  invalid_definition: { status: 422, title: 'The definition is not valid' },
  schema_too_complex: { status: 422, title: 'The schema is too complex' },
  limit_reached: { status: 429, title: 'A limit is reached' },
  internal_error: { status: 500, title: 'Internal error' },
  unavailable: { status: 503, title: 'Temporarily unavailable' },
  invitation_expired: { status: 410, title: 'The invitation has expired' },
  invitation_used: { status: 409, title: 'The invitation was used' },
  invitation_not_yours: { status: 403, title: 'The invitation is for another address' },
  invitation_revoked: { status: 410, title: 'The invitation was revoked' },
  mail_not_configured: { status: 503, title: 'Mail is not configured' },
  budget_exceeded: { status: 429, title: 'The budget is spent' },
  model_unpriced: { status: 422, title: 'The model has no price' },
  schema_too_old: { status: 503, title: 'The database has an older version' },
  schema_too_new: { status: 503, title: 'The functions have an older version' },
  client_too_old: { status: 426, title: 'The client is too old' },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

export const SQLSTATES: Readonly<Record<string, ErrorCode>> = {
  SB400: 'invalid_request',
  SB401: 'not_authenticated',
  SB403: 'permission_denied',
  SB404: 'not_found',
  SB409: 'conflict',
  SB410: 'invitation_expired',
  SB411: 'invitation_used',
  SB412: 'precondition_failed',
  SB413: 'invitation_not_yours',
  SB414: 'invitation_revoked',
  SB422: 'invalid_input',
  SB423: 'invalid_definition',
  SB424: 'immutable',
  SB425: 'schema_too_complex',
  SB429: 'limit_reached',
  SB430: 'budget_exceeded',
  SB431: 'model_unpriced',
  SB503: 'mail_not_configured',
  // PostgreSQL's own: a value that does not fit its type or nests too deeply, a violated constraint, a
  // serialization failure or deadlock, a cancelled statement, a database that is away.
  '22P02': 'invalid_request',
  '22P05': 'invalid_request',
  '22003': 'invalid_request',
  '22007': 'invalid_request',
  '22008': 'invalid_request',
  '22021': 'invalid_request',
  '2201B': 'invalid_request',
  '54000': 'invalid_request',
  '54001': 'invalid_request',
  '23503': 'conflict',
  '23505': 'conflict',
  '23514': 'invalid_request',
  '40001': 'unavailable',
  '40P01': 'unavailable',
  '42501': 'permission_denied',
  '57014': 'unavailable',
  ...Object.fromEntries(AWAY_SQLSTATES.map((state) => [state, 'unavailable'] as const)),
};

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERRORS, code);
}
