// Parses a JSON body that a caller sent, for requests and webhook calls alike.
import { AppError } from '../_shared/errors/index.ts';
import { MAX_JSON_DEPTH, nestsDeeperThan } from '../_shared/text/json-depth.ts';
import { parseJsonToPassOn } from '../_shared/text/json-numbers.ts';

/** Whether a content type is JSON: application/json, or one that ends with +json. */
export function isJsonType(contentType: string | null | undefined): boolean {
  return /^application\/([\w.-]+\+)?json\b/i.test(contentType ?? '');
}

/**
 * The value of the text, to pass on to the database, which gets every number with all its digits. Throws invalid_request when it is not JSON, or
 * nests too deeply.
 */
export function parseJsonBody(text: string): unknown {
  if (nestsDeeperThan(text, MAX_JSON_DEPTH)) {
    throw new AppError('invalid_request', `The body nests more than ${MAX_JSON_DEPTH} levels deep`);
  }
  try {
    return parseJsonToPassOn(text);
  } catch (cause) {
    throw new AppError('invalid_request', 'The body is not valid JSON', { cause });
  }
}
