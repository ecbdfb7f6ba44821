// Maps database errors as PostgREST does: the unchanged SQLSTATE with PostgREST's HTTP status for it. @supabase/lite
// maps only the common ones; others (such as class SB) would be a plain 500.

/** The errors that @supabase/lite maps as PostgREST does. */
const KNOWN = /^(PGRST|PT.*|42501|42P01|42P17|42883|23502|23503|23505|25006|(42|22|21).*)$/;

const STATUS_BY_CODE: Record<string, number> = {
  '57P01': 503,
  P0001: 400,
};

const STATUS_BY_CLASS: Record<string, number> = {
  '08': 503,
  '09': 500,
  '0L': 403,
  '0P': 403,
  '25': 500,
  '28': 403,
  '2D': 500,
  '38': 500,
  '39': 500,
  '3B': 500,
  '40': 500,
  '53': 503,
  '54': 413,
  '55': 500,
  '57': 500,
  '58': 500,
  F0: 500,
  HV: 500,
  P0: 500,
  XX: 500,
};

export function statusOf(sqlstate: string): number {
  return STATUS_BY_CODE[sqlstate] ?? STATUS_BY_CLASS[sqlstate.slice(0, 2)] ?? 400;
}

/**
 * Rewrites an error of the driver into PostgREST's form of a custom status and body (`raise sqlstate 'PGRST'`), which
 * @supabase/lite implements.
 */
export function normalizeDbError(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') {
    return error;
  }
  const { code } = error;
  if (!/^[0-9A-Z]{5}$/.test(code) || KNOWN.test(code)) return error;
  const text = (name: 'detail' | 'hint') => {
    const value = (error as { detail?: unknown; hint?: unknown })[name];
    return typeof value === 'string' && value !== '' ? value : null;
  };
  const body = { code, message: error.message, details: text('detail'), hint: text('hint') };
  return Object.assign(new Error(JSON.stringify(body)), {
    code: 'PGRST',
    detail: JSON.stringify({ status: statusOf(code), headers: {} }),
  });
}
