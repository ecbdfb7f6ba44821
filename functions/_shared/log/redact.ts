// Masks secrets in logs: by the name of a field and by the form of a value.

const SECRET_NAME =
  /authorization|apikey|api_key$|password|passwd|secret|token|cookie|database_url|smtp_url/i;

const SECRET_VALUES: readonly [RegExp, string][] = [
  [/\b(sb_(?:secret|publishable)_|sbk_)[\w-]+/g, '$1***'],
  // A JWT: three base64url parts, the first of which is an encoded JSON object.
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, 'eyJ***'],
  [/(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*:)[^\s@/]+@/gi, '$1***@'],
  [/\b(Bearer\s+)[\w.~+/=-]+/gi, '$1***'],
];

const MAX_DEPTH = 6;
const MAX_ITEMS = 100;
const MAX_TEXT = 4000;

function redactText(text: string): string {
  const cut = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
  return SECRET_VALUES.reduce((result, [pattern, mask]) => result.replace(pattern, mask), cut);
}

/** A copy that is safe to log: secrets masked, errors with code and cause, depth and size bounded. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Date) return value.toISOString();
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) return '…';
  if (Array.isArray(value)) {
    return value.slice(0, MAX_ITEMS).map((item) => redact(item, depth + 1));
  }
  if (value instanceof Error) return redactError(value, depth);
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, MAX_ITEMS)
      .map(([name, item]) => [name, SECRET_NAME.test(name) ? '***' : redact(item, depth + 1)]),
  );
}

function redactError(error: Error, depth: number): unknown {
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {};
  const cause = error.cause === undefined ? {} : { cause: redact(error.cause, depth + 1) };
  return {
    name: error.name,
    message: redactText(error.message),
    ...code,
    ...(error.stack === undefined ? {} : { stack: redactText(error.stack) }),
    ...cause,
  };
}
