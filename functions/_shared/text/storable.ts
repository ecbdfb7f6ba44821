// Text that PostgreSQL can store: its JSON has neither NUL nor half a surrogate pair, and one of them
// makes the whole statement fail. Both become the replacement character, as in any decoder.

const REPLACEMENT = '\uFFFD';

export function storableText(text: string): string {
  const whole = text.isWellFormed() ? text : text.toWellFormed();
  return whole.includes('\u0000') ? whole.replaceAll('\u0000', REPLACEMENT) : whole;
}

/**
 * The same for what JSON.stringify wrote, keys included. It writes halves and NUL as escapes, whole
 * pairs as they are; reading escape by escape tells \u0000 from a backslash that is followed by u0000.
 */
export function storableJson(json: string): string {
  if (!json.includes('\\u0000') && !json.includes('\\ud')) return json;
  return json.replaceAll(/\\(?:(u0000|ud[89a-f][0-9a-f]{2})|.)/g, (whole, refused?: string) =>
    refused === undefined ? whole : REPLACEMENT,
  );
}

/** Any value as JSON that PostgreSQL accepts; JSON has no undefined, so that becomes null. */
export function toStorableJson(value: unknown): string {
  return storableJson(JSON.stringify(value) ?? 'null');
}

/** The beginning of a text, which does not end within a surrogate pair. */
export function cutText(text: string, length: number): string {
  const cut = text.slice(0, length);
  return text.length > length && /[\uD800-\uDBFF]$/.test(cut) ? cut.slice(0, -1) : cut;
}
