// The errors of the SDK: one class for each code that programs handle, and StepbaseError for the others.
import { ERROR_STATUS, type ErrorCode } from './codes.ts';

/** Codes of errors that arise in the client. */
export type ClientErrorCode =
  /** The request was not answered: no connection, or it broke. */
  | 'network_error'
  /** The time of the call is over; the request may have had its effect. */
  | 'timeout'
  /** The answer is not one of Stepbase. */
  | 'invalid_response'
  | RunErrorCode;

/** The codes of a `RunError`, by the status of the run. */
export type RunErrorCode = 'run_failed' | 'run_cancelled' | 'run_timed_out';

/** The facts of an error besides its code and message. */
export interface ErrorFacts {
  /** What the answer tells besides code and message: `permission`, `run_id`, `errors` … */
  details?: Readonly<Record<string, unknown>> | undefined;
  /** The status of the HTTP answer, or that of the code. */
  status?: number | undefined;
  /** Names the request in the logs of the HTTP API. */
  requestId?: string | undefined;
  /** How long to wait before the next request. */
  retryAfterMs?: number | undefined;
  /** The error that led to this one. */
  cause?: unknown;
}

/** The base of all errors of the SDK. Programs compare `code`. */
export class StepbaseError extends Error {
  /** Stable; messages can change. */
  readonly code: ErrorCode | ClientErrorCode;
  /** What the answer has besides code and message: `permission`, `run_id`, `errors` … */
  readonly details: Readonly<Record<string, unknown>>;
  /** The status of the HTTP answer, or that of the code; undefined if no answer came. */
  readonly status: number | undefined;
  /** Names the request in the logs of the HTTP API; undefined for a user. */
  readonly requestId: string | undefined;
  /** Milliseconds to wait before the next request, if the answer names them. */
  readonly retryAfterMs: number | undefined;

  /** @internal */
  constructor(code: ErrorCode | ClientErrorCode, message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = new.target.name;
    this.code = code;
    this.details = facts.details ?? {};
    this.status = facts.status;
    this.requestId = facts.requestId;
    this.retryAfterMs = facts.retryAfterMs;
  }
}

/** `invalid_request`: an argument is malformed. */
export class InvalidRequestError extends StepbaseError {}
/** `not_authenticated`: the token or key is missing, invalid or expired. */
export class NotAuthenticatedError extends StepbaseError {}
/** `permission_denied`: `details.permission` names the permission. */
export class PermissionDeniedError extends StepbaseError {}
/** `not_found`: the object does not exist, or the caller may not see it. */
export class NotFoundError extends StepbaseError {}
/** `conflict`: the current state forbids the call. */
export class ConflictError extends StepbaseError {}
/** `invalid_input`: the data violates its JSON Schema; `details.errors` lists each violation. */
export class InvalidInputError extends StepbaseError {}
/** `limit_reached`: wait `retryAfterMs`, if it is set, and try again. */
export class LimitReachedError extends StepbaseError {}
/** `unavailable`: the database is busy or restarting. */
export class UnavailableError extends StepbaseError {}
/**
 * `client_too_old`: install a newer SDK. `schema_too_old`, `schema_too_new`: an operator upgrades the database or the
 * functions.
 */
export class VersionError extends StepbaseError {}

/** `network_error`: the request was not answered. */
export class NetworkError extends StepbaseError {
  /** @internal */
  constructor(message: string, facts: ErrorFacts = {}) {
    super('network_error', message, facts);
  }
}

/** `timeout`: the time of the call is over. The request may have had its effect. */
export class TimeoutError extends StepbaseError {
  /** @internal */
  constructor(message: string) {
    super('timeout', message);
  }
}

/** What a run ended with, as in `runs.error`. */
export interface RunFailure {
  /** A stable code of the list of errors, such as `http_client_error`. */
  code: string;
  /** A sentence for people; it can change. */
  message: string;
  /** Further facts, such as `step_id`. */
  [member: string]: unknown;
}

/** A run that ended without success: its `code` is `run_failed`, `run_cancelled` or `run_timed_out`. */
export class RunError extends StepbaseError {
  declare readonly code: RunErrorCode;
  /** The id of the run. */
  readonly runId: string;
  /** `runs.error`: the code and the message of the step that failed. */
  readonly failure: RunFailure | undefined;

  /** @internal */
  constructor(code: RunErrorCode, runId: string, failure: RunFailure | undefined) {
    const reason = failure === undefined ? '' : `: ${failure.message} (${failure.code})`;
    super(code, `The run ${runId} ${ENDINGS[code]}${reason}`);
    this.runId = runId;
    this.failure = failure;
  }
}

const ENDINGS: Readonly<Record<RunErrorCode, string>> = {
  run_failed: 'has failed',
  run_cancelled: 'was cancelled',
  run_timed_out: 'has timed out',
};

const CLASSES: Partial<Record<ErrorCode, typeof InvalidRequestError>> = {
  invalid_request: InvalidRequestError,
  not_authenticated: NotAuthenticatedError,
  permission_denied: PermissionDeniedError,
  not_found: NotFoundError,
  conflict: ConflictError,
  invalid_input: InvalidInputError,
  limit_reached: LimitReachedError,
  unavailable: UnavailableError,
  client_too_old: VersionError,
  schema_too_old: VersionError,
  schema_too_new: VersionError,
};

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERROR_STATUS, code);
}

/** The error of a code, as an instance of its class. */
export function errorOf(code: ErrorCode, message: string, facts: ErrorFacts = {}): StepbaseError {
  const status = facts.status ?? ERROR_STATUS[code];
  return new (CLASSES[code] ?? StepbaseError)(code, message, { ...facts, status });
}

/** The error of an answer without a code: a gateway's, for example. */
export function errorOfStatus(status: number, message: string, facts: ErrorFacts): StepbaseError {
  const known = (Object.keys(ERROR_STATUS) as ErrorCode[]).find(
    (code) => ERROR_STATUS[code] === status,
  );
  if (known !== undefined && known !== 'internal_error') return errorOf(known, message, facts);
  if (status >= 500) return errorOf('unavailable', message, facts);
  return new StepbaseError('invalid_response', message, facts);
}

/** Whether the same request may succeed a moment later. */
export function isTransient(error: unknown): error is StepbaseError {
  return (
    error instanceof NetworkError ||
    error instanceof UnavailableError ||
    error instanceof LimitReachedError
  );
}
