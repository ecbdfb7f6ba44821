// The findings of `stepbase doctor` and `npm run doctor`: those of the RPC and those of the client have the same form.

export interface Finding {
  check: string;
  status: 'ok' | 'warning' | 'failed';
  finding: string;
  /** The command that repairs it; null for ok. */
  fix: string | null;
}

export const ok = (check: string, finding: string): Finding => ({
  check,
  status: 'ok',
  finding,
  fix: null,
});
export const warning = (check: string, finding: string, fix: string): Finding => ({
  check,
  status: 'warning',
  finding,
  fix,
});
export const failed = (check: string, finding: string, fix: string): Finding => ({
  check,
  status: 'failed',
  finding,
  fix,
});

export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message || error.name : String(error);
