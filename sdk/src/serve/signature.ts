// Verifies the signature of a message by Standard Webhooks (https://www.standardwebhooks.com).
import { readHeaders, secretBytes, TOLERANCE_SECONDS } from './standard-webhooks.ts';

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

async function keyOf(secret: string): Promise<CryptoKey> {
  const bytes = secretBytes(secret);
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
  const message = readHeaders((name) => headers.get(name) ?? '');
  if (typeof message === 'string') {
    throw new SignatureError(`The header ${message} is missing or malformed`);
  }
  const { timestamp, prefix, signatures } = message;
  if (Math.abs(now / 1_000 - Number(timestamp)) > toleranceSeconds) {
    throw new SignatureError('The header webhook-timestamp is too old, or in the future');
  }
  const signed = new TextEncoder().encode(`${prefix}${body}`);
  for (const key of await Promise.all(secrets.map(keyOf))) {
    for (const signature of signatures) {
      if (await crypto.subtle.verify('HMAC', key, signature as BufferSource, signed)) return;
    }
  }
  throw new SignatureError('The header webhook-signature has no valid signature');
}
