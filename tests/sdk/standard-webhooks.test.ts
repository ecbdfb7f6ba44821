// Both sides that verify Standard Webhooks, `serve` and the webhooks that start runs, accept and refuse the same messages.

import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { standardWebhooks } from '../../functions/api/webhooks/schemes/standard.ts';
import { isSigned } from '../../functions/api/webhooks/signature.ts';
import { verifySignature } from '../../sdk/src/serve/index.ts';

const SECRET = `whsec_${Buffer.from('twenty-four bytes or more').toString('base64')}`;
const AT = 1_760_000_000;
const BODY = '{"type":"step.call"}';

const mac = (text: string, secret = SECRET) =>
  createHmac('sha256', Buffer.from(secret.slice('whsec_'.length), 'base64'))
    .update(text)
    .digest('base64');

interface Message {
  id?: string;
  at?: string;
  signature?: string;
  secret?: string;
}

function headersOf({ id = 'msg_1', at = String(AT), signature, secret }: Message): Headers {
  const signed = signature ?? `v1,${mac(`${id}.${at}.${BODY}`, secret)}`;
  return new Headers({
    'webhook-id': id,
    'webhook-timestamp': at,
    'webhook-signature': signed,
  });
}

async function byServe(headers: Headers): Promise<boolean> {
  const options = { secrets: [SECRET], now: AT * 1_000 };
  return await verifySignature(headers, BODY, options).then(
    () => true,
    () => false,
  );
}

async function byApi(headers: Headers): Promise<boolean> {
  try {
    const call = standardWebhooks.read(headers, new Date(AT * 1_000));
    return await isSigned(call, [standardWebhooks.keyOf(SECRET)], new TextEncoder().encode(BODY));
  } catch {
    return false;
  }
}

test.each<[string, Message, boolean]>([
  ['a signed message', {}, true],
  ['one of several signatures', { signature: `v1,AAAA v1,${mac(`msg_1.${AT}.${BODY}`)}` }, true],
  ['other versions besides', { signature: `v1a,AAAA v1,${mac(`msg_1.${AT}.${BODY}`)}` }, true],
  ['a message of five minutes ago', { at: String(AT - 300) }, true],
  ['an older message', { at: String(AT - 301) }, false],
  ['a message of the future', { at: String(AT + 301) }, false],
  ['a time that is no number', { at: 'now' }, false],
  ['an id with a dot', { id: 'msg.1' }, false],
  ['an id of 128 characters', { id: 'm'.repeat(128) }, true],
  ['a longer id', { id: 'm'.repeat(129) }, false],
  ['another version only', { signature: `v2,${mac(`msg_1.${AT}.${BODY}`)}` }, false],
  ['a signature that is not base64', { signature: 'v1,***' }, false],
  ['no signature', { signature: '' }, false],
  ['the signature of another secret', { secret: `whsec_${'A'.repeat(32)}` }, false],
])('%s: both sides agree', async (_what, message, accepted) => {
  const headers = headersOf(message);
  expect(await byServe(headers)).toBe(accepted);
  expect(await byApi(headers)).toBe(accepted);
});
