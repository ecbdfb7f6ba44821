// Errors of the command line: a stable code, what to do next, and the exit code of the process.
import { RunError, StepbaseError } from '../../sdk/src/errors/errors.ts';

export const EXIT = { ok: 0, no: 1, usage: 2, drift: 3, refused: 4, unavailable: 5 } as const;

/** What each exit code states. */
export const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: 'The command did what it was asked for.',
  no: 'The answer is no: differences, faults of a definition, types that are not current, or a run that ended without success.',
  usage: 'The command, its options, or the files of the folder are wrong.',
  drift: 'The database or the folder has changes that the command would overwrite.',
  refused: 'The server refused the request.',
  unavailable: 'The server did not answer in time, or cannot answer now.',
};

export interface Advice {
  hint?: string | undefined;
  details?: Readonly<Record<string, unknown>> | undefined;
}

export class CliError extends Error {
  override readonly name = 'CliError';
  readonly code: string;
  readonly exit: number;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(exit: number, code: string, message: string, { hint, details }: Advice = {}) {
    super(message);
    this.exit = exit;
    this.code = code;
    this.hint = hint;
    this.details = details ?? {};
  }
}

export const usage = (code: string, message: string, hint?: string): CliError =>
  new CliError(EXIT.usage, code, message, { hint });

const UNAVAILABLE = new Set([
  'network_error',
  'timeout',
  'unavailable',
  'limit_reached',
  'schema_too_old',
  'schema_too_new',
]);

const HINTS: Readonly<Record<string, string>> = {
  not_authenticated: 'Run `stepbase login` with a valid key, or set STEPBASE_API_KEY.',
  network_error: 'Check the address of the link with `stepbase whoami`.',
  invalid_response: 'Check that the address is that of a Supabase project with Stepbase.',
  unavailable: 'Try again in a moment.',
  client_too_old: 'Update the CLI: npm install --save-dev stepbase-cli@latest',
  schema_too_old: 'An operator applies the migrations of this version of the functions.',
  schema_too_new: 'An operator deploys the functions of the version of the database.',
};

/** Every error as one of the command line. */
export function cliError(error: unknown): CliError {
  if (error instanceof CliError) return error;
  if (error instanceof StepbaseError) {
    const { code, message, details, requestId } = error;
    const exit =
      error instanceof RunError ? EXIT.no : UNAVAILABLE.has(code) ? EXIT.unavailable : EXIT.refused;
    const hint =
      typeof details.permission === 'string'
        ? `The key needs the permission ${details.permission}.`
        : HINTS[code];
    return new CliError(exit, code, message, {
      hint,
      details: { ...details, ...(requestId === undefined ? {} : { request_id: requestId }) },
    });
  }
  const message = error instanceof Error ? error.message : String(error);
  return new CliError(EXIT.usage, 'internal_error', message, {
    hint: 'This is a fault of stepbase-cli. Please report it.',
  });
}
