// The input of a run that a webhook starts: body, query and headers of the call. Headers with credentials and
// headers that proxies add are left out.
import { AppError } from '../../_shared/errors/index.ts';
import { isJsonType, parseJsonBody } from '../json-body.ts';

const KEPT = new Set(['content-type', 'user-agent', 'webhook-id', 'webhook-timestamp']);
/** The sender's own headers (x-github-event, for example) are kept, except these. */
const HIDDEN =
  /^x-(forwarded|real-ip|envoy|amz|client|request|sb|supabase)|auth|token|secret|signature|key|cookie|password|session/;

export function safeHeaders(headers: Headers): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of headers) {
    if (KEPT.has(name) || (name.startsWith('x-') && !HIDDEN.test(name))) kept[name] = value;
  }
  return kept;
}

/** The value of a repeated name is an array, any other a string. */
export function queryOf(url: string): Record<string, string | string[]> {
  const { searchParams } = new URL(url);
  return Object.fromEntries(
    [...new Set(searchParams.keys())].map((name) => {
      const [first = '', ...more] = searchParams.getAll(name);
      return [name, more.length === 0 ? first : [first, ...more]];
    }),
  );
}

/** JSON when the content type is JSON; otherwise text; null without a body. */
export function bodyOf(body: Uint8Array, contentType: string | null): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch (cause) {
    throw new AppError('unsupported_media_type', 'The body must be text in UTF-8', { cause });
  }
  if (text === '') return null;
  return isJsonType(contentType) ? parseJsonBody(text) : text;
}
