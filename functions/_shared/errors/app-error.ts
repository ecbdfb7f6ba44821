// An error with a stable code, made by our code or from an error of PostgreSQL.
import { isDatabaseAway } from '../db/faults.ts';
import { parseJson } from '../text/json-numbers.ts';
import { ERRORS, type ErrorCode, isErrorCode, SQLSTATES } from './map.ts';

export class AppError extends Error {
  readonly code: ErrorCode;
  /** Members of the response beside the message: `errors`, `permission` … */
  readonly extra: Record<string, unknown>;

  constructor(
    code: ErrorCode,
    message: string,
    options: { extra?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.extra = options.extra ?? {};
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}

interface DatabaseFault {
  code: string;
  message: string;
  detail?: unknown;
}

function isDatabaseFault(error: unknown): error is DatabaseFault {
  return error instanceof Error && 'code' in error && typeof error.code === 'string';
}

/** The detail of stepbase_private.raise_error is JSON; any other detail is text and is not passed on. */
function parseDetail(detail: unknown): Record<string, unknown> {
  if (typeof detail !== 'string') return {};
  try {
    const parsed: unknown = parseJson(detail);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
      ? { ...parsed }
      : {};
  } catch {
    return {};
  }
}

/** Any thrown value as an AppError; an unexpected error becomes internal_error with its cause. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (isDatabaseFault(error)) {
    const code = SQLSTATES[error.code];
    if (code !== undefined && error.code.startsWith('SB')) {
      const { code: given, ...extra } = parseDetail(error.detail);
      return new AppError(isErrorCode(given) ? given : code, error.message, {
        extra,
        cause: error,
      });
    }
    // A message of PostgreSQL can contain table names and values, so the title is sent instead.
    if (code !== undefined) return new AppError(code, ERRORS[code].title, { cause: error });
  }
  if (isDatabaseAway(error)) {
    return new AppError('unavailable', 'The database does not respond', { cause: error });
  }
  return new AppError('internal_error', ERRORS.internal_error.title, { cause: error });
}
