// Standard Webhooks (https://www.standardwebhooks.com): the signature covers the id of the call, its time and its body.
import { Buffer } from 'node:buffer';
import { assertRecent, headerOf, refuse, type SignatureScheme } from '../signature.ts';

/** Without a dot: it separates the parts of the signed text, which would otherwise be ambiguous. */
const CALL_ID = /^[\x21-\x2d\x2f-\x7e]{1,128}$/;

const bytesOf = (base64: string) => Uint8Array.from(Buffer.from(base64, 'base64'));

export const standardWebhooks: SignatureScheme = {
  name: 'standard_webhooks',
  header: 'webhook-signature',

  read(headers, now) {
    const id = headerOf(headers, 'webhook-id');
    const timestamp = headerOf(headers, 'webhook-timestamp');
    const signature = headerOf(headers, 'webhook-signature');
    if (!CALL_ID.test(id) || !/^\d{1,12}$/.test(timestamp) || signature === '') {
      refuse(
        'Sign the call: webhook-id (without a dot), webhook-timestamp and webhook-signature (Standard Webhooks)',
      );
    }
    assertRecent(timestamp, now, 'webhook-timestamp');
    // `v1,<base64>`, several of them separated by spaces; other versions are ignored.
    const signatures = signature
      .split(' ')
      .filter((part) => part.startsWith('v1,'))
      .map((part) => bytesOf(part.slice(3)));
    return { id, prefix: `${id}.${timestamp}.`, signatures };
  },

  keyOf: (secret) => bytesOf(secret.replace(/^whsec_/, '')),
};
