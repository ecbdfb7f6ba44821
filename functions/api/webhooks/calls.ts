// The signed calls of webhooks: which schemes a call is signed by, and what identifies its delivery.
import { jsonFields } from './body-fields.ts';
import { github } from './schemes/github.ts';
import { slack } from './schemes/slack.ts';
import { standardWebhooks } from './schemes/standard.ts';
import { stripe } from './schemes/stripe.ts';
import {
  isSigned,
  refuse,
  type SignatureScheme,
  type SignedCall,
  signedText,
} from './signature.ts';

export const SCHEMES: readonly SignatureScheme[] = [standardWebhooks, stripe, github, slack];

export interface ReadCall extends SignedCall {
  scheme: SignatureScheme;
}

/**
 * The call by each scheme whose header it has: only the webhook, which is not read yet, decides which one counts. What is
 * refused here depends on the call alone, so that the response does not reveal whether the webhook exists.
 */
export function readCalls(headers: Headers, now: Date): ReadCall[] {
  const used = SCHEMES.filter(({ header }) => headers.has(header));
  if (used.length === 0) {
    refuse(`Sign the call: it needs one of ${SCHEMES.map(({ header }) => header).join(', ')}`);
  }
  const calls: ReadCall[] = [];
  let problem: unknown;
  for (const scheme of used) {
    try {
      calls.push({ ...scheme.read(headers, now), scheme });
    } catch (error) {
      problem ??= error;
    }
  }
  if (calls.length === 0) throw problem;
  return calls;
}

/** The first of the calls that one of the webhook's secrets signs. */
export async function verifiedCall(
  calls: readonly ReadCall[],
  body: Uint8Array,
  secretsOf: (scheme: string) => Promise<readonly string[]>,
): Promise<ReadCall> {
  for (const call of calls) {
    const secrets = await secretsOf(call.scheme.name);
    if (await isSigned(call, secrets.map(call.scheme.keyOf), body)) return call;
  }
  return refuse('The signature is not valid');
}

const ID = /^[\x21-\x7e]{1,128}$/;

/**
 * Identifies the delivery of a verified call: by its header, by a field of its body, or, if it has neither, by the hash
 * of what is signed.
 */
export async function deliveryId(call: ReadCall, body: Uint8Array): Promise<string> {
  const { idField } = call.scheme;
  const id = call.id ?? (idField === undefined ? undefined : jsonFields(body)[idField]);
  if (typeof id === 'string' && ID.test(id)) return id;
  const hash = await crypto.subtle.digest('SHA-256', signedText(call, body) as BufferSource);
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
