// send_email: the mail that arrives over SMTP or the HTTP mail API, and the errors that are retryable.

import assert from 'node:assert/strict';
import { serveHttp } from '../../../scripts/fakes/http.ts';
import { startMailbox } from '../../../scripts/fakes/mailbox.ts';
import { afterAll, failureOf, outputOf, quotaError, testContext, testEnv } from './testing.ts';

const mailbox = await startMailbox();
afterAll(() => mailbox.stop());

const from = 'Stepbase <workflows@stepbase.example>';
const ctx = testContext({ env: testEnv({ SMTP_URL: mailbox.url, SMTP_FROM: from }) });

Deno.test('a mail arrives with its parts and recipients', async () => {
  const output = (await outputOf(
    'send_email',
    {
      to: 'Ada <ada@customer.example>, bob@customer.example',
      cc: ['carol@customer.example'],
      bcc: 'hidden@customer.example',
      subject: 'Order {{ input.id }} — grüße',
      text: 'Hello {{ input.name }}',
      html: '<p>Hello</p>',
    },
    { ...ctx, input: { id: 7, name: 'Ada' } },
  )) as { message_id: string };
  const mail = await mailbox.mails.waitFor((one) => one.message.subject === 'Order 7 — grüße');
  assert.equal(mail.from, 'workflows@stepbase.example');
  assert.deepEqual(mail.recipients.sort(), [
    'ada@customer.example',
    'bob@customer.example',
    'carol@customer.example',
    'hidden@customer.example',
  ]);
  assert.equal(mail.message.text?.trim(), 'Hello Ada');
  assert.equal(mail.message.html?.trim(), '<p>Hello</p>');
  assert.equal(mail.message.messageId, output.message_id);
  assert.equal(mail.message.bcc, undefined);
});

Deno.test('every attempt has the same message id', async () => {
  const config = { to: 'a@customer.example', subject: 's', text: 't' };
  const first = await outputOf('send_email', config, ctx);
  const second = await outputOf('send_email', config, { ...ctx, attempt: 2 });
  assert.deepEqual(first, second);
  assert.notDeepEqual(
    first,
    await outputOf('send_email', config, { ...ctx, idempotencyKey: 'other' }),
  );
});

Deno.test('a template may give a number or another type as text', async () => {
  const config = { to: 'n@customer.example', subject: '{{ input.id }}', text: '{{ input.total }}' };
  await outputOf('send_email', config, { ...ctx, input: { id: 99, total: 12.5 } });
  const mail = await mailbox.mails.waitFor((one) => one.recipients.includes('n@customer.example'));
  assert.deepEqual([mail.message.subject, mail.message.text?.trim()], ['99', '12.5']);
});

Deno.test('greylisting is retryable, an unknown mailbox is not', async () => {
  const bounced = await failureOf(
    'send_email',
    { to: 'bounce@x.example', subject: 's', text: 't' },
    ctx,
  );
  assert.deepEqual([bounced.code, bounced.retryable], ['email_rejected', false]);
  const grey = await failureOf(
    'send_email',
    { to: 'greylist@x.example', subject: 's', text: 't' },
    ctx,
  );
  assert.deepEqual([grey.code, grey.retryable], ['email_rejected', true]);
});

Deno.test('line breaks cannot inject a header', async () => {
  const error = await failureOf(
    'send_email',
    { to: 'a@x.example\r\nBcc: all@x.example', subject: 's', text: 't' },
    ctx,
  );
  assert.equal(error.code, 'invalid_config');
  await outputOf(
    'send_email',
    { to: 's@x.example', subject: 'a\r\nBcc: all@x.example', text: 't' },
    ctx,
  );
  const mail = await mailbox.mails.waitFor((one) => one.recipients.includes('s@x.example'));
  assert.deepEqual(mail.recipients, ['s@x.example']);
  assert.equal(mail.message.bcc, undefined);
});

Deno.test('the sender must be of the operator’s domain', async () => {
  const config = { to: 'f@x.example', subject: 's', text: 't' };
  await outputOf('send_email', { ...config, from: 'Shop <shop@stepbase.example>' }, ctx);
  const mail = await mailbox.mails.waitFor((one) => one.recipients.includes('f@x.example'));
  assert.equal(mail.from, 'shop@stepbase.example');
  const error = await failureOf('send_email', { ...config, from: 'ceo@bank.example' }, ctx);
  assert.equal(error.code, 'email_sender_not_allowed');
});

Deno.test('an unreachable server is retryable, a missing configuration is not', async () => {
  const config = { to: 'a@x.example', subject: 's', text: 't' };
  const down = testContext({ env: testEnv({ SMTP_URL: 'smtp://127.0.0.1:1', SMTP_FROM: from }) });
  const error = await failureOf('send_email', config, down);
  assert.deepEqual([error.code, error.retryable], ['network_error', true]);
  const none = await failureOf('send_email', config, testContext());
  assert.deepEqual([none.code, none.retryable], ['email_not_configured', false]);
});

Deno.test('without SMTP the HTTP mail API is used', async () => {
  const api = await serveHttp((request) =>
    request.headers.authorization === 'Bearer re_key'
      ? { body: { id: 'mail-1', seen: request.body, key: request.headers['idempotency-key'] } }
      : { status: 401, body: { message: 'bad key' } },
  );
  try {
    const env = { RESEND_BASE_URL: api.url, RESEND_API_KEY: 're_key', SMTP_FROM: from };
    const config = { to: 'a@x.example', subject: 's', text: 't' };
    const output = await outputOf('send_email', config, testContext({ env: testEnv(env) }));
    assert.deepEqual(output, { message_id: 'mail-1' });
    const error = await failureOf(
      'send_email',
      config,
      testContext({ env: testEnv({ ...env, RESEND_API_KEY: 'wrong' }) }),
    );
    assert.deepEqual([error.code, error.retryable], ['http_client_error', false]);
  } finally {
    await api.stop();
  }
});

Deno.test('a mail counts its recipients, and a quota that is used up says when to retry', async () => {
  const counted: number[] = [];
  const config = {
    to: 'a@customer.example, b@customer.example',
    cc: 'c@customer.example',
    subject: 'Counted',
    text: 'x',
  };
  const usage = {
    ...ctx.usage,
    countMails: (mails: number) => Promise.resolve(void counted.push(mails)),
  };
  await outputOf('send_email', config, { ...ctx, usage });
  assert.deepEqual(counted, [3]);
  const refused = await failureOf('send_email', config, {
    ...ctx,
    usage: { ...usage, countMails: () => Promise.reject(quotaError('max_mails_per_day')) },
  });
  assert.equal(refused.code, 'limit_reached');
  assert.equal(refused.retryable, true);
  assert.equal(refused.retryAfterMs, 60_000);
});
