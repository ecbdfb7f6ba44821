// Errors of supabase-js as errors of the SDK. An RPC puts the code into the details of its error.
import { SQLSTATE_CODES } from '../errors/codes.ts';
import {
  errorOf,
  errorOfStatus,
  isErrorCode,
  NetworkError,
  type StepbaseError,
} from '../errors/errors.ts';
import type { Answer } from './like.ts';

/** PostgREST's own codes. */
const PGRST: readonly (readonly [RegExp, 'not_found' | 'not_authenticated' | 'unavailable'])[] = [
  [/^PGRST116$/, 'not_found'],
  [/^PGRST30\d$/, 'not_authenticated'],
  [/^PGRST00\d$/, 'unavailable'],
];

function membersOf(details: string | null | undefined): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(details ?? '');
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

export function errorOfAnswer({
  error,
  status,
}: Pick<Answer, 'status'> & { error: NonNullable<Answer['error']> }): StepbaseError {
  const { message, code: state = '' } = error;
  const { code, ...details } = membersOf(error.details);
  const seconds = Number(details.retry_after ?? Number.NaN);
  const facts = {
    details,
    ...(Number.isFinite(seconds) ? { retryAfterMs: seconds * 1_000 } : {}),
    cause: error,
  };
  if (isErrorCode(code)) return errorOf(code, message, facts);
  const known = SQLSTATE_CODES[state] ?? PGRST.find(([pattern]) => pattern.test(state))?.[1];
  if (known !== undefined) return errorOf(known, message, facts);
  // supabase-js reports a request without an answer as an error without a status.
  if (!(status > 0)) return new NetworkError(message, facts);
  return errorOfStatus(status, message, { ...facts, status });
}
