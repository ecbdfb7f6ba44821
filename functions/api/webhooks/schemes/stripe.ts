// Stripe: `Stripe-Signature: t=<seconds>,v1=<hex>,…`; the signature covers the time and the body.
import {
  assertRecent,
  headerOf,
  hexBytes,
  refuse,
  type SignatureScheme,
  textBytes,
} from '../signature.ts';

export const stripe: SignatureScheme = {
  name: 'stripe',
  header: 'stripe-signature',
  /** The id of the event: the same when Stripe delivers it again, with another time and signature. */
  idField: 'id',

  read(headers, now) {
    const parts = headerOf(headers, 'stripe-signature')
      .split(',')
      .map((part) => part.trim());
    const values = (name: string) =>
      parts
        .filter((part) => part.startsWith(`${name}=`))
        .map((part) => part.slice(name.length + 1));
    const times = values('t');
    const [timestamp = ''] = times;
    // Other schemes than v1 are ignored: Stripe adds v0 in test mode.
    const signatures = values('v1').flatMap((digits) => hexBytes(digits) ?? []);
    if (times.length !== 1 || signatures.length === 0) {
      refuse('Sign the call: Stripe-Signature with one t and a v1');
    }
    assertRecent(timestamp, now, 'The time in Stripe-Signature');
    return { prefix: `${timestamp}.`, signatures };
  },

  // The whole secret, with its prefix whsec_, is the key.
  keyOf: textBytes,
};
