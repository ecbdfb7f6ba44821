// Optional objects of triggers, edited as JSON: an empty text is no object.
import { parseJsonToPassOn } from '../../../functions/_shared/text/json-numbers.ts';
import type { Json } from '../../../types/database.ts';

type Read = { value: Json; problem?: never } | { value?: never; problem: string };

/** The object in the text; null for an empty text. */
export function objectIn(text: string): Read {
  if (text.trim() === '') return { value: null };
  try {
    const value = parseJsonToPassOn(text) as Json;
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? { value }
      : { problem: 'It must be a JSON object.' };
  } catch (error) {
    return { problem: `It is not JSON: ${(error as Error).message}` };
  }
}

/** The text of an object; empty for null and for an object without keys. */
export const textOf = (value: Json | undefined): string =>
  value === null || value === undefined || Object.keys(value as object).length === 0
    ? ''
    : JSON.stringify(value, null, 2);
