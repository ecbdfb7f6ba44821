// The statuses of a run that has failed: it can be redriven.
export const FAILED_STATUSES: readonly string[] = ['failed', 'timed_out'];

export const hasFailed = (status: string): boolean => FAILED_STATUSES.includes(status);
