// Verifies the signature of a webhook call: HMAC-SHA256 over a text that the scheme of the sender defines.
import { TOLERANCE_SECONDS } from '../../../sdk/src/serve/standard-webhooks.ts';
import { AppError } from '../../_shared/errors/index.ts';

/** Longer headers than any sender writes are refused before they are parsed. */
const MAX_HEADER_LENGTH = 4_096;
/** Senders write several signatures while they replace a secret; more than these are ignored. */
const MAX_SIGNATURES = 8;
const HMAC = { name: 'HMAC', hash: 'SHA-256' } as const;
/** Used for unknown webhooks, so that the response is the same as for a wrong signature. */
const UNKNOWN_KEY = crypto.getRandomValues(new Uint8Array(32));

/** A call as its headers describe it. Nothing of it may be trusted before `isSigned` has verified it. */
export interface SignedCall {
  /** What is signed, up to the body. */
  prefix: string;
  signatures: readonly Uint8Array[];
  /** Identifies the delivery if a header does; otherwise the scheme reads it from the body. */
  id?: string;
}

/** How one kind of sender signs its calls. */
export interface SignatureScheme {
  /** The name in stepbase.webhook_signature_schemes. */
  name: string;
  /** The header that only this scheme sends. */
  header: string;
  /** Reads the headers; throws not_authenticated if one of them is missing, malformed or too old. */
  read(headers: Headers, now: Date): SignedCall;
  keyOf(secret: string): Uint8Array;
  /** The field of a JSON body that identifies the delivery. */
  idField?: string;
  /** The response to a call that only asks whether this URL verifies signatures; it starts no run. */
  handshake?(body: Uint8Array): Record<string, unknown> | undefined;
}

export function refuse(message: string): never {
  throw new AppError('not_authenticated', message);
}

/** A header of a signature; '' if it is missing. */
export function headerOf(headers: Headers, name: string): string {
  const value = headers.get(name) ?? '';
  if (value.length > MAX_HEADER_LENGTH) {
    refuse(`${name} must have at most ${MAX_HEADER_LENGTH} characters`);
  }
  return value;
}

/** Refuses a time (seconds since 1970) that is not close to the current one. */
export function assertRecent(timestamp: string, now: Date, what: string): void {
  const apart = Math.abs(now.getTime() / 1000 - Number(timestamp));
  if (!/^\d{1,12}$/.test(timestamp) || apart > TOLERANCE_SECONDS) {
    refuse(`${what} differs too much from the current time`);
  }
}

/** The bytes of 64 hexadecimal digits; undefined for every other text. */
export function hexBytes(text: string): Uint8Array | undefined {
  if (!/^[0-9a-f]{64}$/i.test(text)) return undefined;
  return Uint8Array.from(text.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
}

export const textBytes = (text: string): Uint8Array => new TextEncoder().encode(text);

export function signedText({ prefix }: SignedCall, body: Uint8Array): Uint8Array {
  const start = textBytes(prefix);
  const text = new Uint8Array(start.length + body.length);
  text.set(start);
  text.set(body, start.length);
  return text;
}

/** Whether one of the signatures is by one of the keys. WebCrypto compares in constant time. */
export async function isSigned(
  call: SignedCall,
  keys: readonly Uint8Array[],
  body: Uint8Array,
): Promise<boolean> {
  const text = signedText(call, body) as BufferSource;
  let found = false;
  for (const bytes of keys.length === 0 ? [UNKNOWN_KEY] : keys) {
    const key = await crypto.subtle.importKey('raw', bytes as BufferSource, HMAC, false, [
      'verify',
    ]);
    for (const signature of call.signatures.slice(0, MAX_SIGNATURES)) {
      found = (await crypto.subtle.verify(HMAC, key, signature as BufferSource, text)) || found;
    }
  }
  return found && keys.length > 0;
}
