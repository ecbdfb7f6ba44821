// Standard Webhooks (https://www.standardwebhooks.com): the signature covers the id of the call, its time and its body.
import { readHeaders, secretBytes } from '../../../../sdk/src/serve/standard-webhooks.ts';
import { assertRecent, headerOf, refuse, type SignatureScheme } from '../signature.ts';

export const standardWebhooks: SignatureScheme = {
  name: 'standard_webhooks',
  header: 'webhook-signature',

  read(headers, now) {
    const message = readHeaders((name) => headerOf(headers, name));
    if (typeof message === 'string') {
      refuse(
        'Sign the call: webhook-id (without a dot), webhook-timestamp and webhook-signature (Standard Webhooks)',
      );
    }
    assertRecent(message.timestamp, now, 'webhook-timestamp');
    const { id, prefix, signatures } = message;
    return { id, prefix, signatures };
  },

  // With a secret that is not base64, no sender can have signed the call.
  keyOf: (secret) => secretBytes(secret) ?? crypto.getRandomValues(new Uint8Array(32)),
};
