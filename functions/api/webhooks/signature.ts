// Verifies the signature of a webhook call by the Standard Webhooks specification. The signature covers the
// id of the call, its time and its body; the other parts of the call are not authenticated.
import { Buffer } from 'node:buffer';
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { AppError } from '../../_shared/errors/index.ts';

/** The largest difference between the clocks of both sides; it also ends the time for replay attacks. */
const TOLERANCE_SECONDS = 300;
/** Without a dot: it separates the parts of the signed text, which would otherwise be ambiguous. */
const CALL_ID = /^[\x21-\x2d\x2f-\x7e]{1,128}$/;
/** Used for unknown webhooks, so that the response is the same as for a wrong signature. */
const NOBODY = `whsec_${randomBytes(32).toString('base64')}`;

export interface SignedCall {
  /** The same for every delivery of one call. */
  id: string;
  /** Seconds since 1970. */
  timestamp: number;
  signatures: readonly Uint8Array[];
}

/** Reads id, time and signatures from the headers; `isSigned` verifies them. */
export function readCall(headers: Headers, now: Date): SignedCall {
  const id = headers.get('webhook-id') ?? '';
  const timestamp = headers.get('webhook-timestamp') ?? '';
  const signature = headers.get('webhook-signature') ?? '';
  if (!CALL_ID.test(id) || !/^\d{1,12}$/.test(timestamp) || signature === '') {
    throw new AppError(
      'not_authenticated',
      'Sign the call: webhook-id (without a dot), webhook-timestamp and webhook-signature (Standard Webhooks)',
    );
  }
  const apart = Math.abs(now.getTime() / 1000 - Number(timestamp));
  if (apart > TOLERANCE_SECONDS) {
    throw new AppError(
      'not_authenticated',
      'webhook-timestamp differs too much from the current time',
    );
  }
  return { id, timestamp: Number(timestamp), signatures: versionOne(signature) };
}

/** `v1,<base64>`, several of them separated by spaces; other versions are ignored. */
function versionOne(header: string): Uint8Array[] {
  return header
    .split(' ')
    .filter((part) => part.startsWith('v1,'))
    .slice(0, 8)
    .map((part) => Buffer.from(part.slice(3), 'base64'));
}

export function sign(secret: string, id: string, timestamp: number, body: Uint8Array): Uint8Array {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  return createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
}

/** Whether one of the signatures is by one of the secrets; compares in constant time. */
export function isSigned(call: SignedCall, secrets: readonly string[], body: Uint8Array): boolean {
  let found = false;
  for (const secret of secrets.length === 0 ? [NOBODY] : secrets) {
    const wanted = sign(secret, call.id, call.timestamp, body);
    for (const given of call.signatures) {
      found = (given.length === wanted.length && timingSafeEqual(given, wanted)) || found;
    }
  }
  return found && secrets.length > 0;
}
