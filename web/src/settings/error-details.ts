// A number in the details of an error of the database, such as open_runs of delete_application; undefined for another
// error.
export function numberIn(error: unknown, name: string): number | undefined {
  const { details } = (error ?? {}) as { details?: unknown };
  try {
    const found: unknown = typeof details === 'string' ? JSON.parse(details) : details;
    const value = (found as Readonly<Record<string, unknown>> | null | undefined)?.[name];
    return typeof value === 'number' ? value : undefined;
  } catch {
    return undefined;
  }
}
