// What a run sees of the call that started it: its body, its query, and the headers that tell what the
// call is. Headers that let somebody in, or that proxies add, stay outside.
import { AppError } from '../../_shared/errors/index.ts';

const KEPT = new Set(['content-type', 'user-agent', 'webhook-id', 'webhook-timestamp']);
/** Own headers of the sender (x-github-event, say) are kept, but for these. */
const HIDDEN =
  /^x-(forwarded|real-ip|envoy|amz|client|request|sb|supabase)|auth|token|secret|signature|key|cookie|password|session/;

export function safeHeaders(headers: Headers): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of headers) {
    if (KEPT.has(name) || (name.startsWith('x-') && !HIDDEN.test(name))) kept[name] = value;
  }
  return kept;
}

/** A name that comes once is a string, one that is repeated an array. */
export function queryOf(url: string): Record<string, string | string[]> {
  const { searchParams } = new URL(url);
  return Object.fromEntries(
    [...new Set(searchParams.keys())].map((name) => {
      const [first = '', ...more] = searchParams.getAll(name);
      return [name, more.length === 0 ? first : [first, ...more]];
    }),
  );
}

/** JSON when the call says so; anything else is text, and no body is null. */
export function bodyOf(body: Uint8Array, contentType: string | null): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch (cause) {
    throw new AppError('unsupported_media_type', 'The body has to be text in UTF-8', { cause });
  }
  if (text === '') return null;
  if (!/^application\/([\w.-]+\+)?json\b/i.test(contentType ?? '')) return text;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError('invalid_request', 'The body is not valid JSON', { cause });
  }
}
