// Slack: `X-Slack-Signature: v0=<hex>` and `X-Slack-Request-Timestamp`; the signature covers the time and the body.

import { jsonFields } from '../body-fields.ts';
import {
  assertRecent,
  headerOf,
  hexBytes,
  refuse,
  type SignatureScheme,
  textBytes,
} from '../signature.ts';

export const slack: SignatureScheme = {
  name: 'slack',
  header: 'x-slack-signature',
  /** Only events have it; commands and interactions are forms. */
  idField: 'event_id',

  read(headers, now) {
    const header = headerOf(headers, 'x-slack-signature');
    const timestamp = headerOf(headers, 'x-slack-request-timestamp');
    const signature = header.startsWith('v0=') ? hexBytes(header.slice(3)) : undefined;
    if (signature === undefined || !/^\d{1,12}$/.test(timestamp)) {
      refuse('Sign the call: X-Slack-Signature and X-Slack-Request-Timestamp');
    }
    assertRecent(timestamp, now, 'X-Slack-Request-Timestamp');
    return { prefix: `v0:${timestamp}:`, signatures: [signature] };
  },

  keyOf: textBytes,

  /** Slack sends it when an administrator enters the URL. */
  handshake(body) {
    const { type, challenge } = jsonFields(body);
    return type === 'url_verification' && typeof challenge === 'string' ? { challenge } : undefined;
  },
};
