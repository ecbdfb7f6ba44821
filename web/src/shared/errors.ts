// Errors in words. `describe(error)` gives what a person can read and the code that docs/reference/errors.md lists;
// `explain(error)` is its text alone. `ApiError` has a code, which refusals of the database and the HTTP API carry.
import type { PostgrestError } from '@supabase/supabase-js';

export class ApiError extends Error {
  readonly code: string | undefined;
  constructor(message: string, code?: string) {
    super(message);
    this.code = code;
  }
}

export interface Described {
  text: string;
  /** For the docs and for support; undefined for an error without one. */
  code: string | undefined;
  /** Where in the input, if the server names it. */
  fields: { path: string; message: string }[];
}

/** Messages for users, by error code. */
const TEXTS: Readonly<Record<string, string>> = {
  not_authenticated: 'Your session has ended. Sign in again.',
  permission_denied: 'Your role does not allow this action.',
  not_found: 'This object does not exist, or it belongs to another application.',
  server_unreachable: 'The server cannot be reached. Check your connection and try again.',
};

/** Codes of PostgREST and PostgreSQL that users can meet. */
const FOREIGN: Readonly<Record<string, string>> = {
  PGRST116: 'not_found',
  PGRST301: 'not_authenticated',
  PGRST303: 'not_authenticated',
  '42501': 'permission_denied',
  '22P02': 'not_found',
};

const isUnreachable = (message: string) =>
  /failed to fetch|networkerror|load failed|fetch failed|the network connection/i.test(message);

interface Details {
  code?: string;
  rule?: string;
  errors?: { path?: string; message?: string }[];
}

function detailsOf(error: object): Details {
  if (!('details' in error) || typeof error.details !== 'string') return {};
  try {
    const details: unknown = JSON.parse(error.details);
    return typeof details === 'object' && details !== null ? details : {};
  } catch {
    return {};
  }
}

/** `texts`: messages by error code that fit the page better. A refusal that names its rule explains itself. */
export function describe(error: unknown, texts: Readonly<Record<string, string>> = {}): Described {
  const { message = String(error), code: given } = (
    typeof error === 'object' && error !== null ? error : {}
  ) as { message?: string; code?: string };
  if (isUnreachable(message)) {
    const code = 'server_unreachable';
    return { text: texts[code] ?? TEXTS[code] ?? message, code, fields: [] };
  }
  const { code: detailed, rule, errors = [] } = detailsOf(error as object);
  const code = detailed ?? (given === undefined ? undefined : (FOREIGN[given] ?? given));
  const fields = errors.map(({ path = '', message: problem = '' }) => ({ path, message: problem }));
  const listed = fields.map((field) => `${field.path} ${field.message}`.trim()).join('; ');
  if (listed) return { text: `${message}: ${listed}`, code, fields };
  const own = code === undefined ? undefined : texts[code];
  // A problem of the HTTP API has a text of its own.
  const isPlain = code !== undefined && rule === undefined && !(error instanceof ApiError);
  const general = isPlain ? TEXTS[code] : undefined;
  return { text: own ?? general ?? message, code, fields };
}

export const explain = (
  error: PostgrestError | Error | unknown,
  texts?: Readonly<Record<string, string>>,
): string => describe(error, texts).text;

/** A request that needs a session, without one. */
export const sessionEnded = (): ApiError =>
  new ApiError(TEXTS.not_authenticated ?? '', 'not_authenticated');

/**
 * Whether a read may succeed when it is sent again: a lost connection, an error of the server, or an expired token. Errors
 * of the caller do not change.
 */
export function isTransient(error: unknown): boolean {
  const { code } = error as { code?: string };
  return code === undefined || code === '' || /^(08|53|57|PGRST00|PGRST30[13])/.test(code);
}
