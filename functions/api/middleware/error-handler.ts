// The one place where an error becomes a response: problem+json with a stable code.
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { AppError, problemResponse, toAppError } from '../../_shared/errors/index.ts';
import type { ApiEnv } from '../deps.ts';

export function handleError(error: Error, c: Context<ApiEnv>): Response {
  const problem =
    error instanceof HTTPException && error.status < 500
      ? new AppError('invalid_request', error.message, { cause: error })
      : toAppError(error);
  if (problem.status >= 500) {
    c.var.log.error('the request failed', { code: problem.code, error });
  }
  return problemResponse(problem, c.var.requestId, headersSoFar(c), c.req.path);
}

export function handleNotFound(c: Context<ApiEnv>): Response {
  const problem = new AppError('not_found', `There is no ${c.req.method} ${c.req.path}`);
  return problemResponse(problem, c.var.requestId, headersSoFar(c), c.req.path);
}

export function handleMethodNotAllowed(c: Context<ApiEnv>, methods: string[]): Response {
  const problem = new AppError('method_not_allowed', `${c.req.path} has no ${c.req.method}`);
  const headers = { ...headersSoFar(c), allow: methods.join(', ') };
  return problemResponse(problem, c.var.requestId, headers, c.req.path);
}

/** Headers that middleware set before the error: CORS, request id, rate limit. */
function headersSoFar(c: Context<ApiEnv>): Record<string, string> {
  const kept = Object.fromEntries(c.res.headers);
  delete kept['content-type'];
  return kept;
}
