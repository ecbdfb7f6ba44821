// Signatures of webhook calls by every scheme. The tests compute them with node:crypto, and use the examples that the
// senders publish.

import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { deliveryId, readCalls, verifiedCall } from './calls.ts';

const encode = (text: string) => new TextEncoder().encode(text);
const hmac = (key: string | Uint8Array, text: string) => createHmac('sha256', key).update(text);

interface Example {
  scheme: string;
  secret: string;
  headers: Record<string, string>;
  body: string;
  /** Seconds since 1970. */
  at: number;
  id: string;
}

const slackForm =
  'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c';

/** Published by the senders: Standard Webhooks' libraries, GitHub's and Slack's documentation. Stripe publishes none. */
const PUBLISHED: readonly Example[] = [
  {
    scheme: 'standard_webhooks',
    secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    headers: {
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    },
    body: '{"test": 2432232314}',
    at: 1614265330,
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  },
  {
    scheme: 'github',
    secret: "It's a Secret to Everybody",
    headers: {
      'x-hub-signature-256':
        'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
      'x-github-delivery': '72d3162e-cc78-11e3-81ab-4c9367dc0958',
    },
    body: 'Hello, World!',
    at: 0,
    id: '72d3162e-cc78-11e3-81ab-4c9367dc0958',
  },
  {
    scheme: 'slack',
    secret: '8f742231b10e8888abcd99yyyzzz85a5',
    headers: {
      'x-slack-request-timestamp': '1531420618',
      'x-slack-signature': 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503',
    },
    body: slackForm,
    at: 1531420618,
    id: createHash('sha256').update(`v0:1531420618:${slackForm}`).digest('hex'),
  },
];

const AT = 1_700_000_000;
const STRIPE_SECRET = 'whsec_test0123456789abcdef';
const SLACK_SECRET = '0123456789abcdef0123456789abcdef';

function stripe(body: string, { at = AT, secret = STRIPE_SECRET, header = '' } = {}): Example {
  const signature = hmac(secret, `${at}.${body}`).digest('hex');
  return {
    scheme: 'stripe',
    secret,
    headers: { 'stripe-signature': header || `t=${at},v1=${signature},v0=${'0'.repeat(64)}` },
    body,
    at,
    id: 'evt_1',
  };
}

function slack(body: string, { at = AT, secret = SLACK_SECRET } = {}): Example {
  const signature = hmac(secret, `v0:${at}:${body}`).digest('hex');
  return {
    scheme: 'slack',
    secret,
    headers: { 'x-slack-request-timestamp': String(at), 'x-slack-signature': `v0=${signature}` },
    body,
    at,
    id: 'Ev1',
  };
}

const EXAMPLES: readonly Example[] = [
  ...PUBLISHED,
  stripe('{"id":"evt_1","type":"charge.succeeded"}'),
  slack('{"type":"event_callback","event_id":"Ev1"}'),
];

/** The id of the delivery, for a webhook with these secrets. */
async function accepted(
  example: Example,
  secrets = [example.secret],
  body: Uint8Array = encode(example.body),
): Promise<string> {
  const calls = readCalls(new Headers(example.headers), new Date(example.at * 1000));
  const call = await verifiedCall(calls, body, (scheme) =>
    Promise.resolve(scheme === example.scheme ? secrets : []),
  );
  return await deliveryId(call, body);
}

const refused = (example: Example, secrets?: string[], body?: Uint8Array) =>
  assert.rejects(async () => await accepted(example, secrets, body), { code: 'not_authenticated' });

const change = (example: Example, headers: Record<string, string>): Example => ({
  ...example,
  headers: { ...example.headers, ...headers },
});

for (const example of EXAMPLES) {
  const { scheme, secret } = example;
  const other = scheme === 'standard_webhooks' ? `whsec_${'A'.repeat(43)}=` : `${secret}x`;

  Deno.test(`${scheme}: a signed call is accepted, once for each delivery id: ${example.id}`, async () => {
    assert.equal(await accepted(example), example.id);
    assert.equal(await accepted(example, [other, secret]), example.id);
  });

  Deno.test(`${scheme}: another secret, or none, is refused: ${example.id}`, async () => {
    await refused(example, [other]);
    await refused(example, []);
  });

  Deno.test(`${scheme}: a body with one other byte is refused: ${example.id}`, async () => {
    const body = encode(example.body);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(body.length - 1),
        fc.integer({ min: 1, max: 255 }),
        async (at, flip) => {
          const changed = Uint8Array.from(body, (byte, index) =>
            index === at ? byte ^ flip : byte,
          );
          await refused(example, [secret], changed);
        },
      ),
      { numRuns: 50 },
    );
    await refused(example, [secret], body.slice(1));
    await refused(example, [secret], Uint8Array.of(...body, 0x20));
  });

  Deno.test(`${scheme}: a header that is missing, empty, repeated or huge is refused: ${example.id}`, async () => {
    for (const [name, value] of Object.entries(example.headers)) {
      const { [name]: _left, ...others } = example.headers;
      await refused({ ...example, headers: others });
      await refused(change(example, { [name]: '' }));
      await refused(change(example, { [name]: value.repeat(200) }));
      // Standard Webhooks allows several signatures in its header.
      if (name !== 'webhook-signature')
        await refused(change(example, { [name]: `${value}, ${value}` }));
    }
  });

  Deno.test(`${scheme}: a changed signature is refused: ${example.id}`, async () => {
    const [name, value] =
      Object.entries(example.headers).find(([header]) => header.includes('signature')) ?? [];
    assert.ok(name !== undefined && value !== undefined);
    const first = value.search(/(?<=v1[,=]|v0=|sha256=)./);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 41 }),
        fc.constantFrom(...'0123456789abcdef'),
        async (n, digit) => {
          const at = first + n;
          fc.pre(value[at] !== digit);
          await refused(
            change(example, { [name]: value.slice(0, at) + digit + value.slice(at + 1) }),
          );
        },
      ),
      { numRuns: 50 },
    );
    await refused(change(example, { [name]: value.slice(0, first) }));
    await refused(change(example, { [name]: value.replace(/v1|v0|sha256/, 'v9') }));
  });

  if (scheme !== 'github') {
    Deno.test(`${scheme}: a call that is more than 300 s old or early is refused: ${example.id}`, async () => {
      const read = (seconds: number) =>
        readCalls(new Headers(example.headers), new Date((example.at + seconds) * 1000));
      for (const seconds of [-301, 301, 1e9]) {
        assert.throws(() => read(seconds), { code: 'not_authenticated' });
      }
      for (const seconds of [-299, 0, 299]) assert.equal(read(seconds).length, 1);
    });
  }
}

Deno.test('standard_webhooks: one of several signatures is enough, and the time is signed', async () => {
  const [example] = PUBLISHED;
  assert.ok(example);
  const signature = example.headers['webhook-signature'];
  const several = change(example, { 'webhook-signature': `v1a,x v1,AAAA ${signature} v2,y` });
  assert.equal(await accepted(several), example.id);
  await refused(change(example, { 'webhook-id': 'msg_other' }));
  await refused(change(example, { 'webhook-timestamp': String(example.at + 1) }));
  for (const id of ['x'.repeat(129), `${example.id}.${example.at}`, '.', 'a b']) {
    await refused(change(example, { 'webhook-id': id }));
  }
  await refused(change(example, { 'webhook-timestamp': '1e9' }));
  const key = Buffer.from(example.secret.replace('whsec_', ''), 'base64');
  const independent = hmac(key, `${example.id}.${example.at}.${example.body}`).digest('base64');
  assert.equal(`v1,${independent}`, signature);
});

Deno.test('stripe: one of several v1 is enough while the secret is replaced, and only one t may be given', async () => {
  const body = '{"id":"evt_1"}';
  const good = hmac(STRIPE_SECRET, `${AT}.${body}`).digest('hex');
  const bad = hmac('whsec_another0123456789', `${AT}.${body}`).digest('hex');
  const signed = (header: string) => stripe(body, { header });
  assert.equal(await accepted(signed(`t=${AT},v1=${bad},v1=${good}`)), 'evt_1');
  assert.equal(await accepted(signed(`v1=${good}, t=${AT}`)), 'evt_1');
  const wrong = [
    `t=${AT},v0=${good}`,
    `t=${AT},v1=${good.slice(1)}`,
    `v1=${good}`,
    `t=${AT},t=${AT},v1=${good}`,
    `t=${AT}`,
    `t=,v1=${good}`,
    `t=${AT + 1},v1=${good}`,
    `t=${AT},v1=${bad}`,
    `t=${AT}.0,v1=${good}`,
    ',,=,',
    't',
  ];
  for (const header of wrong) await refused(signed(header));
  // More signatures than a sender needs are ignored, so that a call cannot cost more than a few comparisons.
  await refused(signed(`t=${AT}${`,v1=${bad}`.repeat(8)},v1=${good}`));
});

Deno.test('stripe: a repeated delivery has another signature and the same id; without an id, the signed text counts', async () => {
  const body = '{"id":"evt_1"}';
  assert.equal(await accepted(stripe(body)), await accepted(stripe(body, { at: AT + 3_600 })));
  for (const strange of [
    '{"id":7}',
    '[]',
    'text',
    `{"id":"${'x'.repeat(129)}"}`,
    '{"id":"a b"}',
    '{"id":',
  ]) {
    const id = createHash('sha256').update(`${AT}.${strange}`).digest('hex');
    assert.equal(await accepted(stripe(strange)), id);
  }
});

Deno.test('slack: a signed handshake gets its challenge; other bodies start a run', async () => {
  const answer = async (example: Example) => {
    const calls = readCalls(new Headers(example.headers), new Date(example.at * 1000));
    const body = encode(example.body);
    const secretsOf = () => Promise.resolve([example.secret]);
    return (await verifiedCall(calls, body, secretsOf)).scheme.handshake?.(body);
  };
  const handshake = '{"type":"url_verification","token":"x","challenge":"3eZbrw1a"}';
  assert.deepEqual(await answer(slack(handshake)), { challenge: '3eZbrw1a' });
  assert.equal(await answer(slack('{"type":"event_callback","challenge":"x"}')), undefined);
  assert.equal(await answer(slack('{"type":"url_verification","challenge":7}')), undefined);
  assert.equal(await answer(slack(slackForm)), undefined);
  assert.equal(await answer(stripe(handshake)), undefined);
});

Deno.test('a call with the headers of several schemes counts for the scheme of the webhook', async () => {
  const body = '{"id":"evt_1","event_id":"Ev1"}';
  const both = { ...slack(body), headers: { ...slack(body).headers, ...stripe(body).headers } };
  assert.equal(await accepted(both), 'Ev1');
  assert.equal(
    await accepted({ ...both, scheme: 'stripe', secret: STRIPE_SECRET, id: 'evt_1' }),
    'evt_1',
  );
  assert.equal(await accepted(change(both, { 'stripe-signature': '' })), 'Ev1');
  await refused({ ...both, scheme: 'github' });
});

Deno.test('a call without a signature header gets an error that lists the headers of the schemes', async () => {
  await refused({ ...stripe('{}'), headers: { 'x-signature': 'x' } });
  assert.throws(
    () => readCalls(new Headers(), new Date(0)),
    /stripe-signature, x-hub-signature-256/,
  );
});
