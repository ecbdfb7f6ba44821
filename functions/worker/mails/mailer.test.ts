// The mail of an invitation arrives over SMTP with its link; the names in it cannot change its form.

import { deepEqual, equal, match, notEqual, ok, rejects } from 'node:assert/strict';
import { startMailbox } from '../../../scripts/fakes/mailbox.ts';
import type { DueMail } from '../engine/engine.ts';
import { afterAll, testEnv } from '../steps/testing.ts';
import { invitationMail } from './invitation.ts';
import { createMailer } from './mailer.ts';
import { taskMail } from './task.ts';

const mailbox = await startMailbox();
afterAll(() => mailbox.stop());

const WEB = 'https://app.stepbase.example';
const env = testEnv({ SMTP_URL: mailbox.url, SMTP_FROM: 'Stepbase <mail@stepbase.example>' });
const signal = new AbortController().signal;

const data = {
  token: 'sbi_abc-123',
  application: 'Acme Shop',
  role: 'developer',
  inviter: 'Ada Lovelace',
  expires_at: '2026-12-06T10:30:00+00:00',
};
const mail = (recipient: string, attempt = 1): DueMail => ({
  mail_id: 'm1',
  app_code: 'acme',
  template: 'invitation',
  recipient,
  data,
  attempt,
});

Deno.test('an invitation names the inviter, the application, the role and the end, and has the link', async () => {
  const mailer = createMailer(env, WEB);
  equal(mailer.isConfigured, true);
  const id = await mailer.send(mail('a@acme.example'), signal);
  const { message, from } = await mailbox.mails.waitFor((one) =>
    one.recipients.includes('a@acme.example'),
  );
  equal(message.messageId, id);
  equal(from, 'mail@stepbase.example');
  equal(message.subject, 'Invitation to Acme Shop');
  match(
    message.text ?? '',
    /Ada Lovelace invites you to the application "Acme Shop" as developer\./,
  );
  match(message.text ?? '', /https:\/\/app\.stepbase\.example\/invitation\?token=sbi_abc-123\n/);
  match(message.text ?? '', /until 2026-12-06 10:30 UTC/);
  match(
    message.html ?? '',
    /href="https:\/\/app\.stepbase\.example\/invitation\?token=sbi_abc-123"/,
  );
  notEqual(await mailer.send(mail('b@acme.example', 2), signal), id);
});

Deno.test('names are one short line, escaped in HTML', () => {
  const { subject, text, html } = invitationMail(
    {
      ...data,
      application: `Shop\r\nBcc: all@x.example <img src=x> ${'x'.repeat(200)}`,
      inviter: '<b>Eve</b>\n\nhttps://evil.example',
    },
    WEB,
  );
  ok(!/[\r\n]/.test(subject));
  ok(subject.length < 100);
  equal(text.split('\n')[0]?.startsWith('<b>Eve</b> https://evil.example invites you'), true);
  ok(!html.includes('<b>') && !html.includes('<img'));
});

Deno.test('without settings a mailer reports it, and an attempt fails with a code', async () => {
  const without = (variables: Record<string, string>, web: string | undefined) =>
    createMailer(testEnv(variables), web);
  for (const mailer of [
    without({}, WEB),
    without({ SMTP_URL: mailbox.url }, WEB),
    without({ SMTP_URL: mailbox.url, SMTP_FROM: 'a@b.example' }, undefined),
  ]) {
    equal(mailer.isConfigured, false);
    await rejects(mailer.send(mail('c@acme.example'), signal), { code: 'email_not_configured' });
  }
  const withApi = without({ RESEND_API_KEY: 're_x', SMTP_FROM: 'a@b.example' }, WEB);
  equal(withApi.isConfigured, true);
});

const task = {
  kind: 'created',
  application: 'Acme Shop',
  title: 'Pay 100?',
  description: 'Order <7>\nof May',
  app_code: 'shop',
  run_id: '0190d2f6-0000-7000-8000-000000000001',
  links: { approve: 'sbd_yes', reject: 'sbd_no' },
  expires_at: '2026-12-06T10:30:00+00:00',
  deadline_at: '2026-12-06T10:30:00+00:00',
};

Deno.test('the mail about an approval has a link for each decision, whose token no server logs', async () => {
  const mailer = createMailer(env, WEB);
  await mailer.send({ ...mail('c@acme.example'), template: 'task', data: task }, signal);
  const { message } = await mailbox.mails.waitFor((one) =>
    one.recipients.includes('c@acme.example'),
  );
  equal(message.subject, 'Pay 100?');
  const text = message.text ?? '';
  match(text, /Approve:\nhttps:\/\/app\.stepbase\.example\/#\/decisions\/sbd_yes\n/);
  match(text, /Reject:\nhttps:\/\/app\.stepbase\.example\/#\/decisions\/sbd_no\n/);
  match(text, /Deadline: 2026-12-06 10:30 UTC/);
  match(text, /do not forward/);
  match(message.html ?? '', /Order &lt;7&gt;<br>of May/);
});

Deno.test('the mail about a user task has a link to the run only', () => {
  const { links: _links, expires_at: _expires, ...rest } = task;
  const mails = (['created', 'reminder', 'escalated', 'delegated'] as const).map((kind) =>
    taskMail({ ...rest, links: {}, kind, note: 'on holiday' }, WEB),
  );
  deepEqual(
    mails.map(({ subject }) => subject),
    ['Pay 100?', 'Reminder: Pay 100?', 'Escalated: Pay 100?', 'Pay 100?'],
  );
  for (const { text } of mails) {
    ok(text.includes(`${WEB}/#/shop/runs/${task.run_id}`));
    ok(text.includes('Note: on holiday'));
    ok(!text.includes('decisions'));
  }
});

Deno.test('a title is one short line', () => {
  const { subject } = taskMail({ ...task, title: `Pay\r\nBcc: x ${'y'.repeat(300)}` }, WEB);
  match(subject, /^Pay Bcc: x y+$/);
  equal(subject.length, 150);
});
