// Which errors of a statement have which cause: the database is away (a later attempt may succeed), it rejects
// the values of the statement (every attempt fails in the same way), or the statement took too long.

/**
 * The server shuts down, has crashed or is starting, or has no connection left. Or it refuses the password, which
 * is being changed: a pooler and the functions learn the new one at different times.
 */
export const AWAY_SQLSTATES = ['28P01', '53300', '57P01', '57P02', '57P03'] as const;

const AWAY_CODES: ReadonlySet<string> = new Set([
  ...AWAY_SQLSTATES,
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
]);

/** SQLSTATE class 08: connection exceptions. */
const CONNECTION_CLASS = '08';

/** Errors for which the driver has a text, but no code. */
const AWAY_MESSAGES =
  /connection terminated|connection error|timeout exceeded when trying to connect|query read timeout/i;

/** The database cannot be reached at present, or the connection broke while the statement ran. */
export function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = codeOf(error);
  if (code !== undefined && (AWAY_CODES.has(code) || code.startsWith(CONNECTION_CLASS))) {
    return true;
  }
  return AWAY_MESSAGES.test(error.message);
}

/** Data exceptions, violated constraints, program limits, and errors that the database's own functions raise. */
const REJECTED_CLASSES: ReadonlySet<string> = new Set(['22', '23', '54', 'P0', 'SB']);

/** The database understood the statement and rejects its values. */
export function isRejected(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && REJECTED_CLASSES.has(code.slice(0, 2));
}

/** The server cancelled the statement: it passed its statement_timeout. (Waits for locks end sooner, with 55P03.) */
export function isStatementTimeout(error: unknown): boolean {
  return codeOf(error) === '57014';
}

/** The statement waited too long for a lock that another transaction holds. */
export function isLockTimeout(error: unknown): boolean {
  return codeOf(error) === '55P03';
}

/** What the statement contains is the cause, so a statement with a part of it may succeed. */
export function isContentFault(error: unknown): boolean {
  return isRejected(error) || isStatementTimeout(error);
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
