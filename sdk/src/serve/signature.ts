// Verifies Standard Webhooks (https://www.standardwebhooks.com): the signature covers the id, the time and the body.

/** What a signature is checked against. */
export interface VerifyOptions {
  /** `whsec_…`; several of them while a secret is replaced, or for several senders. */
  secrets: readonly string[];
  /** How old, or how far ahead, a message may be; default: 300 s. */
  toleranceSeconds?: number | undefined;
  /** Milliseconds since 1970; default: `Date.now()`. */
  now?: number | undefined;
}

/** A message that must not be trusted. */
export class SignatureError extends Error {
  override readonly name = 'SignatureError';
}

const TOLERANCE_SECONDS = 300;
/** Without a dot: it separates the parts of the signed text, which would otherwise be ambiguous. */
const MESSAGE_ID = /^[\x21-\x2d\x2f-\x7e]{1,256}$/;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

const bytesOf = (base64: string): Uint8Array<ArrayBuffer> | undefined => {
  if (!BASE64.test(base64) || base64.length % 4 !== 0) return undefined;
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
};

async function keyOf(secret: string): Promise<CryptoKey> {
  const bytes = bytesOf(secret.replace(/^whsec_/, ''));
  if (bytes === undefined) throw new TypeError('A secret must be `whsec_` and base64');
  return await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, [
    'verify',
  ]);
}

/** Resolves if one of the secrets signed the body recently; otherwise rejects with a `SignatureError`. */
export async function verifySignature(
  headers: Headers,
  body: string,
  { secrets, toleranceSeconds = TOLERANCE_SECONDS, now = Date.now() }: VerifyOptions,
): Promise<void> {
  const id = headers.get('webhook-id') ?? '';
  const timestamp = headers.get('webhook-timestamp') ?? '';
  if (!MESSAGE_ID.test(id)) throw new SignatureError('The header webhook-id is missing');
  if (!/^\d{1,12}$/.test(timestamp)) {
    throw new SignatureError('The header webhook-timestamp is missing');
  }
  if (Math.abs(now / 1_000 - Number(timestamp)) > toleranceSeconds) {
    throw new SignatureError('The header webhook-timestamp is too old, or in the future');
  }
  // `v1,<base64>`, several of them separated by spaces; other versions are ignored.
  const signatures = (headers.get('webhook-signature') ?? '')
    .split(' ')
    .flatMap((part) => (part.startsWith('v1,') ? [bytesOf(part.slice(3))] : []))
    .filter((signature) => signature !== undefined);
  const signed = new TextEncoder().encode(`${id}.${timestamp}.${body}`);
  for (const key of await Promise.all(secrets.map(keyOf))) {
    for (const signature of signatures) {
      if (await crypto.subtle.verify('HMAC', key, signature, signed)) return;
    }
  }
  throw new SignatureError('The header webhook-signature has no valid signature');
}
