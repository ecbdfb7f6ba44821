// Makes text storable in PostgreSQL, whose JSON allows neither NUL nor half a surrogate pair: one of them would
// make the whole statement fail. Both are replaced by the replacement character, as decoders do.

const REPLACEMENT = '\uFFFD';

export function storableText(text: string): string {
  const whole = text.isWellFormed() ? text : text.toWellFormed();
  return whole.includes('\u0000') ? whole.replaceAll('\u0000', REPLACEMENT) : whole;
}

/**
 * The same for the result of JSON.stringify, keys included. JSON.stringify writes halves and NUL as escapes and
 * whole pairs unescaped; reading escape by escape distinguishes \u0000 from a backslash followed by u0000.
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

/** The beginning of a text; the cut never falls within a surrogate pair. */
export function cutText(text: string, length: number): string {
  const cut = text.slice(0, length);
  return text.length > length && /[\uD800-\uDBFF]$/.test(cut) ? cut.slice(0, -1) : cut;
}
