// What the code of an error means, in the words of docs/reference/errors.md.
import {
  REQUEST_ERRORS,
  RUN_ERRORS,
  STEP_ERRORS,
} from '../../../functions/_shared/errors/codes.ts';

const MEANINGS: Readonly<Record<string, string | undefined>> = {
  ...REQUEST_ERRORS,
  ...Object.fromEntries(Object.entries(STEP_ERRORS).map(([code, { meaning }]) => [code, meaning])),
  ...RUN_ERRORS,
};

/** Undefined for a code that this client does not know. Backquotes of the docs are left out. */
export const meaningOf = (code: string | undefined): string | undefined =>
  code === undefined ? undefined : MEANINGS[code]?.replaceAll('`', '');

/** `runs.error` and `step_runs.error`. */
export interface RunError {
  code?: string;
  message?: string;
  step_id?: string;
  retryable?: boolean;
  details?: { stack?: string; logs?: unknown } & Record<string, unknown>;
  reason?: string;
}

export const errorOf = (value: unknown): RunError =>
  typeof value === 'object' && value !== null ? value : {};
