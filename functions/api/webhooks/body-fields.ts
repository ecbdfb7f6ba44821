// Reads fields of the body of a webhook call, before it is known whether the body is JSON.
import { MAX_JSON_DEPTH, nestsDeeperThan } from '../../_shared/text/json-depth.ts';
import { parseJson } from '../../_shared/text/json-numbers.ts';

/** The fields of a JSON object; none if the body is something else. */
export function jsonFields(body: Uint8Array): Record<string, unknown> {
  const text = new TextDecoder().decode(body);
  if (!text.trimStart().startsWith('{') || nestsDeeperThan(text, MAX_JSON_DEPTH)) return {};
  try {
    return parseJson(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
