// How the connections of @supabase/lite pass JSON to PostgreSQL and back. lite parses the body of a request, which would
// round numbers that a double cannot hold; PostgREST does not. They pass lite as marked strings.

import {
  parseJsonToPassOn,
  writeUnsafeNumbers,
} from '../../functions/_shared/text/json-numbers.ts';

/** A character for private use: no client sends it in front of a number. */
const MARK = '\uF8FE';
const markedInJson = new RegExp(`"${MARK}(-?[\\d.eE+-]+)"`, 'g');

/** The JSON text of a request's body for lite. */
export function markNumbers(text: string): string {
  return writeUnsafeNumbers(text, (number) => `"${MARK}${number}"`);
}

/** lite passes objects and arrays as JSON text; encoding them again would make a string. */
export function jsonValue(oid: number) {
  return {
    to: oid,
    from: [oid],
    serialize: (value: unknown) => {
      const isText = typeof value === 'string' && isContainer(value);
      return (isText ? value : JSON.stringify(value)).replaceAll(markedInJson, '$1');
    },
    parse: parseJsonToPassOn,
  };
}

/** A parameter or column of a numeric type; numeric has values that are no JSON. */
export function numberValue(oid: number) {
  return {
    ...textValue(oid),
    parse: (text: string): unknown => (/\d/.test(text) ? parseJsonToPassOn(text) : text),
  };
}

/** A parameter or column of a type that takes the digits as text. */
export function textValue(oid: number) {
  return {
    to: oid,
    from: [oid],
    serialize: (value: unknown) => String(value).replace(MARK, ''),
    parse: (text: string): unknown => text,
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
