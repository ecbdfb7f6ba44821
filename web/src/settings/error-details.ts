// The number of open runs in the error of delete_application, or undefined for another error.
export function openRunsOf(error: unknown): number | undefined {
  const { details } = (error ?? {}) as { details?: unknown };
  const text = typeof details === 'string' ? details : JSON.stringify(details ?? '');
  const [, digits] = /"?open_runs"?\s*[:=]\s*(\d+)/.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits);
}
