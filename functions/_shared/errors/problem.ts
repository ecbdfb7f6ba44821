// The HTTP response of an error: application/problem+json (RFC 9457) with our stable code.
import type { AppError } from './app-error.ts';
import { ERRORS } from './map.ts';

/** A fault of a workflow definition, as the database reports it in `errors` of invalid_definition. */
export interface DefinitionFault {
  /** Id of the node, or of the source of the edge; null: the fault belongs to no node. */
  node: string | null;
  /** JSON pointer (RFC 6901) into the definition. */
  pointer: string;
  /** One of DEFINITION_PROBLEMS in codes.ts. */
  code: string;
  message: string;
  /** What to write instead. */
  hint?: string;
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  /** The path of the request. */
  path?: string;
  /** Identifies this occurrence in the logs. */
  instance?: string;
  /** invalid_definition: a list of DefinitionFault; invalid_input: a list of {path, message}. */
  errors?: unknown;
  [extra: string]: unknown;
}

export function toProblem(error: AppError, requestId?: string, path?: string): Problem {
  const { status, title } = ERRORS[error.code];
  const members = {
    type: `urn:stepbase:problem:${error.code}`,
    title,
    status,
    detail: error.message,
    code: error.code,
    ...(path === undefined ? {} : { path }),
    ...(requestId === undefined ? {} : { instance: `urn:stepbase:request:${requestId}` }),
  };
  // The standard members come first and cannot be replaced.
  return { ...members, ...error.extra, ...members };
}

export function problemResponse(
  error: AppError,
  requestId?: string,
  headers: Record<string, string> = {},
  path?: string,
): Response {
  return new Response(JSON.stringify(toProblem(error, requestId, path)), {
    status: error.status,
    headers: {
      'content-type': 'application/problem+json',
      ...(error.status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
      ...(error.status === 503 ? { 'retry-after': '2' } : {}),
      ...headers,
    },
  });
}
