// The headers and secrets of Standard Webhooks (https://www.standardwebhooks.com), for both sides that verify them: `serve`
// and the webhooks that start runs. It imports nothing, because the Edge Functions bundle it as it is.

/** How far the clocks of both sides may be apart; it also ends the time for replay attacks. */
export const TOLERANCE_SECONDS = 300;

/** Without a dot: it separates the parts of the signed text, which would otherwise be ambiguous. */
const MESSAGE_ID = /^[\x21-\x2d\x2f-\x7e]{1,128}$/;
const TIMESTAMP = /^\d{1,12}$/;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** A message as its headers describe it. It is not verified yet. */
export interface SignedMessage {
  id: string;
  /** Seconds since 1970. */
  timestamp: string;
  /** What is signed, up to the body. */
  prefix: string;
  signatures: Uint8Array[];
}

/** The name of the header that is missing or malformed, or what all of them state. */
export function readHeaders(header: (name: string) => string): SignedMessage | string {
  const id = header('webhook-id');
  if (!MESSAGE_ID.test(id)) return 'webhook-id';
  const timestamp = header('webhook-timestamp');
  if (!TIMESTAMP.test(timestamp)) return 'webhook-timestamp';
  const signature = header('webhook-signature');
  if (signature === '') return 'webhook-signature';
  // `v1,<base64>`, several of them separated by spaces; other versions are ignored.
  const signatures = signature.split(' ').flatMap((part) => {
    const bytes = part.startsWith('v1,') ? bytesOf(part.slice('v1,'.length)) : undefined;
    return bytes === undefined ? [] : [bytes];
  });
  return { id, timestamp, prefix: `${id}.${timestamp}.`, signatures };
}

/** The bytes of a secret, `whsec_` and base64; undefined for another text. */
export const secretBytes = (secret: string) => bytesOf(secret.replace(/^whsec_/, ''));

/** The return type is inferred: hosted TypeScript does not know Uint8Array<ArrayBuffer>. */
function bytesOf(base64: string) {
  // The padding may be missing.
  if (!BASE64.test(base64) || base64.replace(/=+$/, '').length % 4 === 1) return undefined;
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
