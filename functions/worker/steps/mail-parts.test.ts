// The parts of a mail that people write in many forms: lists of addresses, and attachments.

import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { serveHttp } from '../../../scripts/fakes/http.ts';
import { startMailbox } from '../../../scripts/fakes/mailbox.ts';
import { mailboxesOf, written } from './mail-addresses.ts';
import { afterAll, failureOf, outputOf, testContext, testEnv } from './testing.ts';

const mailbox = await startMailbox();
afterAll(() => mailbox.stop());
const ctx = testContext({
  env: testEnv({ SMTP_URL: mailbox.url, SMTP_FROM: '"Shop, the" <shop@x.example>' }),
});

const addresses = (value: string | (string | null)[]) =>
  mailboxesOf(value, 'to').map(({ name, address }) =>
    name === '' ? address : `${name}|${address}`,
  );

Deno.test('a list of addresses is parsed as mail programs do', () => {
  for (const [value, wanted] of [
    ['"Doe, Jane" <jane@x.example>, bob@x.example', ['Doe, Jane|jane@x.example', 'bob@x.example']],
    [
      ['"a;b" <a@x.example>', 'b@x.example,c@x.example'],
      ['a;b|a@x.example', 'b@x.example', 'c@x.example'],
    ],
    ['Team: a@x.example, "B, C" <b@x.example>;', ['a@x.example', 'B, C|b@x.example']],
    ['Zoë <zoë@münchen.example>', ['Zoë|zoë@münchen.example']],
    [['a@x.example', null], ['a@x.example']],
    [' a@x.example , ', ['a@x.example']],
  ] as const) {
    assert.deepEqual(addresses(typeof value === 'string' ? value : [...value]), wanted);
  }
});

Deno.test('a text that is not a list of addresses is refused', () => {
  for (const value of [
    'bob',
    'a@b@c',
    'a@',
    '@x.example',
    '',
    'a@x.example, bob',
    'a@x.example\nb@x.example',
    'Group:;',
  ]) {
    assert.throws(() => mailboxesOf(value, 'to'), /^StepError: to: /, value);
  }
});

Deno.test('any name is read back as it was written', () => {
  const name = fc.stringMatching(/^[A-Za-z,;:.<>@()"\\ é]{0,20}$/).map((text) => text.trim());
  const people = fc.array(fc.tuple(name, fc.stringMatching(/^[a-z.]{1,8}$/)), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(people, (list) => {
      const boxes = list.map(([one, domain]) => ({
        name: one,
        address: `a@${domain.replaceAll('.', 'x')}.example`,
      }));
      const read = mailboxesOf(boxes.map(written).join(', '), 'to');
      assert.deepEqual(
        read.map((box) => box.address),
        boxes.map((box) => box.address),
      );
    }),
  );
});

Deno.test('everybody on the lists gets the mail, and its names are kept', async () => {
  const to = '"Doe, Jane" <jane@parts.example>, bob@parts.example';
  const config = {
    to,
    cc: ['{{ input.none }}', 'c@parts.example'],
    reply_to: 'x@y.example, z@y.example',
  };
  await outputOf('send_email', { ...config, subject: 's', text: 't' }, ctx);
  const mail = await mailbox.mails.waitFor((one) => one.recipients.includes('bob@parts.example'));
  assert.deepEqual(mail.recipients.sort(), [
    'bob@parts.example',
    'c@parts.example',
    'jane@parts.example',
  ]);
  assert.equal(mail.message.to?.[0]?.name, 'Doe, Jane');
  assert.equal(mail.message.replyTo?.length, 2);
  const withoutAddress = { to: ['{{ input.none }}'], subject: 's', text: 't' };
  assert.equal((await failureOf('send_email', withoutAddress, ctx)).code, 'invalid_config');
});

const attachments = [
  { filename: 'größe.txt', content: 'Grüße {{ input.n }}' },
  { filename: 'a.bin', content: '{{ input.file }}', content_type: 'image/x-test' },
];
const input = { n: 7, file: { encoding: 'base64', data: 'AP8B' } };

Deno.test('attachments arrive with their bytes, over SMTP', async () => {
  await outputOf(
    'send_email',
    { to: 'att@x.example', subject: 's', text: 't', attachments },
    { ...ctx, input },
  );
  const mail = await mailbox.mails.waitFor((one) => one.recipients.includes('att@x.example'));
  const [first, second] = mail.message.attachments;
  assert.equal(first?.filename, 'größe.txt');
  assert.equal(Buffer.from(first?.content as ArrayBuffer).toString(), 'Grüße 7');
  assert.deepEqual([second?.filename, second?.mimeType], ['a.bin', 'image/x-test']);
  assert.deepEqual([...Buffer.from(second?.content as ArrayBuffer)], [0, 255, 1]);
});

Deno.test('attachments and addresses arrive over the HTTP mail API', async () => {
  const bodies: Record<string, unknown>[] = [];
  const api = await serveHttp((request) => {
    bodies.push(request.body as Record<string, unknown>);
    return { body: { id: 'mail-1' } };
  });
  try {
    const env = testEnv({
      RESEND_BASE_URL: api.url,
      RESEND_API_KEY: 'k',
      SMTP_FROM: 'shop@x.example',
    });
    const to = '"Doe, Jane" <jane@x.example>, bob@x.example';
    await outputOf(
      'send_email',
      { to, subject: 's', text: 't', attachments },
      testContext({ env, input }),
    );
    assert.deepEqual(bodies[0]?.to, ['"Doe, Jane" <jane@x.example>', 'bob@x.example']);
    assert.deepEqual(bodies[0]?.attachments, [
      { filename: 'größe.txt', content: Buffer.from('Grüße 7').toString('base64') },
      { filename: 'a.bin', content: 'AP8B', content_type: 'image/x-test' },
    ]);
  } finally {
    await api.stop();
  }
});

Deno.test('an attachment that is not understood is refused', async () => {
  for (const attachment of [
    { filename: 'a', content: { a: 1 } },
    { filename: 'a', content: { encoding: 'base64', data: '%%%' } },
    { filename: 'a', path: '/etc/passwd' },
    { filename: 'a', content: 'x', path: '/etc/passwd' },
    { content: 'x' },
  ]) {
    const config = { to: 'a@x.example', subject: 's', text: 't', attachments: [attachment] };
    const error = await failureOf('send_email', config, ctx);
    assert.equal(error.code, 'invalid_config');
  }
});
