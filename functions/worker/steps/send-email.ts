// send_email: sends over SMTP if SMTP_URL is set, otherwise over an HTTP mail API (hosted Edge Functions cannot reach
// SMTP ports). The output is {message_id}.

import { Buffer } from 'node:buffer';
// @ts-types='npm:@types/nodemailer'
import nodemailer from 'nodemailer';
import { z } from 'zod';
import { sendEmailType } from '../../_shared/step-types/send-email.ts';
import { base64Of } from './answers.ts';
import { abortError, StepError } from './errors.ts';
import { callHttp } from './http-client.ts';
import { type Mailbox, mailboxesOf, mailboxOf, written } from './mail-addresses.ts';
import { refusedBy } from './refusal.ts';
import { bytesOf } from './request-body.ts';
import { assertMayReceive } from './secret-receivers.ts';
import type { StepContext, StepEnv, StepHandler, StepResult } from './types.ts';

type EmailConfig = z.output<typeof sendEmailType.config>;

/** A mail whose addresses are parsed. */
interface Mail {
  from: Mailbox;
  to: Mailbox[];
  cc: Mailbox[];
  bcc: Mailbox[];
  replyTo: Mailbox[];
  attachments: Attachment[];
  config: EmailConfig;
}

export const sendEmail: StepHandler<typeof sendEmailType> = {
  stepType: sendEmailType,
  async run(config, ctx: StepContext): Promise<StepResult> {
    const { mail } = ctx.env;
    if (mail.smtpUrl === undefined && mail.resend === undefined) {
      throw new StepError(
        'email_not_configured',
        'mail is not configured: set SMTP_URL, or RESEND_API_KEY where SMTP ports are closed',
      );
    }
    if (mail.from === undefined) {
      throw new StepError('email_not_configured', 'mail has no sender: set SMTP_FROM');
    }
    const letter: Mail = {
      from: senderOf(config.from, mail.from),
      to: mailboxesOf(config.to, 'to'),
      cc: mailboxesOf(config.cc, 'cc'),
      bcc: mailboxesOf(config.bcc, 'bcc'),
      replyTo: mailboxesOf(config.reply_to, 'reply_to'),
      attachments: attachmentsOf(config),
      config,
    };
    if (letter.to.length === 0) throw new StepError('invalid_config', 'to: has no e-mail address');
    const recipients = letter.to.length + letter.cc.length + letter.bcc.length;
    await refusedBy(() => ctx.usage.countMails(recipients));
    // SMTP_URL is the operator's explicit choice; the HTTP API is for platforms without SMTP.
    const messageId =
      mail.smtpUrl === undefined
        ? await sendByApi(letter, mail.resend, ctx)
        : await sendBySmtp(letter, mail.smtpUrl, ctx);
    return { kind: 'completed', output: { message_id: messageId } };
  },
};

/** Tenants share the operator's mail account and must not send from other domains. */
function senderOf(wanted: string | null | undefined, allowed: string): Mailbox {
  const own = mailboxOf(allowed, 'SMTP_FROM');
  if (!wanted) return own;
  const from = mailboxOf(wanted, 'from');
  if (domainOf(from) === domainOf(own)) return from;
  throw new StepError('email_sender_not_allowed', `mail can only be sent from @${domainOf(own)}`);
}

function domainOf({ address }: Mailbox): string {
  return address.slice(address.lastIndexOf('@') + 1).toLowerCase();
}

interface Attachment {
  filename: string;
  content: Uint8Array;
  contentType?: string;
}

function attachmentsOf({ attachments }: EmailConfig): Attachment[] {
  return (attachments ?? []).map(({ filename, content, content_type: type }) => ({
    filename,
    content:
      typeof content === 'string'
        ? new TextEncoder().encode(content)
        : bytesOf(content, 'invalid_config'),
    ...(type ? { contentType: type } : {}),
  }));
}

/** The same for every attempt, so that receivers can recognise a mail that was sent twice. */
async function stableMessageId(key: string, from: Mailbox): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(key));
  const hex = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  );
  return `<${hex.slice(0, 32)}@${domainOf(from)}>`;
}

async function sendBySmtp(
  { config, from, to, cc, bcc, replyTo, attachments }: Mail,
  smtpUrl: string,
  ctx: StepContext,
): Promise<string> {
  assertMayReceive(new URL(smtpUrl), ctx.env.receivers);
  const transport = nodemailer.createTransport({
    url: smtpUrl,
    // Without a name nodemailer reads the host name of the system, which needs a permission.
    name: 'stepbase',
    connectionTimeout: 10_000,
    greetingTimeout: 10_000,
    socketTimeout: 30_000,
    // The text comes from a tenant, who must not attach files of this machine.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const close = (): void => transport.close();
  ctx.signal.addEventListener('abort', close, { once: true });
  try {
    const info = await transport.sendMail({
      from,
      to,
      cc,
      bcc,
      replyTo,
      subject: config.subject,
      ...(config.text ? { text: config.text } : {}),
      ...(config.html ? { html: config.html } : {}),
      attachments: attachments.map(({ content, ...more }) => ({
        ...more,
        content: Buffer.from(content),
      })),
      messageId: await stableMessageId(ctx.idempotencyKey, from),
      date: ctx.env.now(),
    });
    return info.messageId;
  } catch (error) {
    throw ctx.signal.aborted ? abortError(ctx.signal) : smtpError(error);
  } finally {
    ctx.signal.removeEventListener('abort', close);
    transport.close();
  }
}

/** 4yz replies and broken connections are retryable; 5yz replies and a refused login are not. */
function smtpError(error: unknown): StepError {
  const { responseCode, code, message } = error as {
    responseCode?: unknown;
    code?: unknown;
    message?: unknown;
  };
  const reply = typeof responseCode === 'number' ? responseCode : undefined;
  const reason = typeof message === 'string' ? message : String(error);
  if (code === 'EAUTH')
    return new StepError('email_login_refused', 'the mail server refused the login');
  if (reply !== undefined) {
    return new StepError('email_rejected', `the mail server refused the message: ${reason}`, {
      retryable: reply < 500,
      details: { reply },
    });
  }
  if (code === 'EENVELOPE') return new StepError('email_rejected', reason);
  return new StepError('network_error', `the mail server could not be reached: ${reason}`, {
    retryable: true,
  });
}

async function sendByApi(
  { config, from, to, cc, bcc, replyTo, attachments }: Mail,
  resend: StepEnv['mail']['resend'],
  ctx: StepContext,
): Promise<string> {
  if (resend === undefined)
    throw new StepError('email_not_configured', 'RESEND_API_KEY is not set');
  const files = attachments.map(({ filename, content, contentType }) => ({
    filename,
    content: base64Of(content).data,
    ...(contentType === undefined ? {} : { content_type: contentType }),
  }));
  const call = {
    method: 'POST',
    url: new URL(`${resend.baseUrl}/emails`),
    headers: new Headers({
      authorization: `Bearer ${resend.apiKey}`,
      'content-type': 'application/json',
      'idempotency-key': ctx.idempotencyKey,
    }),
    body: JSON.stringify({
      from: written(from),
      to: to.map(written),
      ...(cc.length > 0 ? { cc: cc.map(written) } : {}),
      ...(bcc.length > 0 ? { bcc: bcc.map(written) } : {}),
      ...(replyTo.length > 0 ? { reply_to: replyTo.map(written) } : {}),
      subject: config.subject,
      ...(config.text ? { text: config.text } : {}),
      ...(config.html ? { html: config.html } : {}),
      ...(files.length > 0 ? { attachments: files } : {}),
    }),
    signal: ctx.signal,
    appCode: ctx.run.app_code,
    env: ctx.env,
    trusted: true,
  };
  const answer = await callHttp(call);
  const sent = z.object({ id: z.string() }).safeParse(answer.body);
  if (sent.success) return sent.data.id;
  throw new StepError('email_bad_response', 'the response of the mail API has no message id');
}
