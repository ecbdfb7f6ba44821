// How the connections of @supabase/lite pass JSON to PostgreSQL.

/** lite passes objects and arrays as JSON text; encoding them again would make a string. */
export function jsonValue(oid: number) {
  return {
    to: oid,
    from: [oid],
    serialize: (value: unknown) =>
      typeof value === 'string' && isContainer(value) ? value : JSON.stringify(value),
    parse: (value: string): unknown => JSON.parse(value),
  };
}

function isContainer(text: string): boolean {
  if (!/^\s*[[{]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
