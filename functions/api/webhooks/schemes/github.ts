// GitHub: `X-Hub-Signature-256: sha256=<hex>`; the signature covers the body only, so a call has no time that could
// be too old, and its id is not signed.
import { headerOf, hexBytes, refuse, type SignatureScheme, textBytes } from '../signature.ts';

const DELIVERY = /^[0-9A-Za-z-]{1,128}$/;

export const github: SignatureScheme = {
  name: 'github',
  header: 'x-hub-signature-256',

  read(headers) {
    const header = headerOf(headers, 'x-hub-signature-256');
    const id = headerOf(headers, 'x-github-delivery');
    const signature = header.startsWith('sha256=') ? hexBytes(header.slice(7)) : undefined;
    if (signature === undefined || !DELIVERY.test(id)) {
      refuse('Sign the call: X-Hub-Signature-256 and X-GitHub-Delivery');
    }
    return { id, prefix: '', signatures: [signature] };
  },

  keyOf: textBytes,
};
