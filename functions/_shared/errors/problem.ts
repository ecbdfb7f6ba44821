// The HTTP response of an error: application/problem+json (RFC 9457) with our stable code.
import type { AppError } from './app-error.ts';
import { ERRORS } from './map.ts';

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  /** Identifies this occurrence in the logs. */
  instance?: string;
  [extra: string]: unknown;
}

export function toProblem(error: AppError, requestId?: string): Problem {
  const { status, title } = ERRORS[error.code];
  const members = {
    type: `urn:stepbase:problem:${error.code}`,
    title,
    status,
    detail: error.message,
    code: error.code,
    ...(requestId === undefined ? {} : { instance: `urn:stepbase:request:${requestId}` }),
  };
  // The standard members come first and cannot be replaced.
  return { ...members, ...error.extra, ...members };
}

export function problemResponse(
  error: AppError,
  requestId?: string,
  headers: Record<string, string> = {},
): Response {
  return new Response(JSON.stringify(toProblem(error, requestId)), {
    status: error.status,
    headers: {
      'content-type': 'application/problem+json',
      ...(error.status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
      ...(error.status === 503 ? { 'retry-after': '2' } : {}),
      ...headers,
    },
  });
}
