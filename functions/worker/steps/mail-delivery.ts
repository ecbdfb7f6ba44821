// Hands a mail over: by SMTP if SMTP_URL is set, otherwise to an HTTP mail API (hosted Edge Functions cannot reach the
// SMTP ports 25 and 587). send_email and the mails of Stepbase itself use it.

import { Buffer } from 'node:buffer';
// @ts-types='npm:@types/nodemailer'
import nodemailer from 'nodemailer';
import { z } from 'zod';
import { base64Of } from './answers.ts';
import { abortError, StepError } from './errors.ts';
import { callHttp } from './http-client.ts';
import { type Mailbox, mailboxOf, written } from './mail-addresses.ts';
import { assertMayReceive } from './secret-receivers.ts';
import type { StepEnv } from './types.ts';

export interface Attachment {
  filename: string;
  content: Uint8Array;
  contentType?: string;
}

export interface Letter {
  from: Mailbox;
  to: Mailbox[];
  cc: Mailbox[];
  bcc: Mailbox[];
  replyTo: Mailbox[];
  attachments: Attachment[];
  subject: string;
  text: string | undefined;
  html: string | undefined;
}

export interface Delivery {
  env: StepEnv;
  signal: AbortSignal;
  /** The same for every attempt, so that receivers can recognise a mail that was sent twice. */
  key: string;
  appCode: string;
}

/** Whether the operator has configured a sender and a way to send. */
export function canSendMail({ from, smtpUrl, resend }: StepEnv['mail']): boolean {
  return from !== undefined && (smtpUrl !== undefined || resend !== undefined);
}

/** Tenants share the operator's mail account and must not send from other domains. */
export function senderOf(mail: StepEnv['mail'], wanted?: string | null): Mailbox {
  if (mail.smtpUrl === undefined && mail.resend === undefined) {
    throw new StepError(
      'email_not_configured',
      'mail is not configured: set SMTP_URL, or RESEND_API_KEY where SMTP ports are closed',
    );
  }
  if (mail.from === undefined) {
    throw new StepError('email_not_configured', 'mail has no sender: set SMTP_FROM');
  }
  const own = mailboxOf(mail.from, 'SMTP_FROM');
  if (!wanted) return own;
  const from = mailboxOf(wanted, 'from');
  if (domainOf(from) === domainOf(own)) return from;
  throw new StepError('email_sender_not_allowed', `mail can only be sent from @${domainOf(own)}`);
}

/** Sends the mail and returns its message id; throws a StepError. */
export async function deliver(letter: Letter, delivery: Delivery): Promise<string> {
  const { smtpUrl, resend } = delivery.env.mail;
  // SMTP_URL is the operator's explicit choice; the HTTP API is for platforms without SMTP.
  return smtpUrl === undefined
    ? await sendByApi(letter, resend, delivery)
    : await sendBySmtp(letter, smtpUrl, delivery);
}

function domainOf({ address }: Mailbox): string {
  return address.slice(address.lastIndexOf('@') + 1).toLowerCase();
}

async function stableMessageId(key: string, from: Mailbox): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(key));
  const hex = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  );
  return `<${hex.slice(0, 32)}@${domainOf(from)}>`;
}

async function sendBySmtp(
  { from, to, cc, bcc, replyTo, attachments, ...letter }: Letter,
  smtpUrl: string,
  { env, signal, key }: Delivery,
): Promise<string> {
  assertMayReceive(new URL(smtpUrl), env.receivers);
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
  signal.addEventListener('abort', close, { once: true });
  try {
    const info = await transport.sendMail({
      from,
      to,
      cc,
      bcc,
      replyTo,
      subject: letter.subject,
      ...(letter.text === undefined ? {} : { text: letter.text }),
      ...(letter.html === undefined ? {} : { html: letter.html }),
      attachments: attachments.map(({ content, ...more }) => ({
        ...more,
        content: Buffer.from(content),
      })),
      messageId: await stableMessageId(key, from),
      date: env.now(),
    });
    return info.messageId;
  } catch (error) {
    throw signal.aborted ? abortError(signal) : smtpError(error);
  } finally {
    signal.removeEventListener('abort', close);
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
  { from, to, cc, bcc, replyTo, attachments, ...letter }: Letter,
  resend: StepEnv['mail']['resend'],
  { env, signal, key, appCode }: Delivery,
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
      'idempotency-key': key,
    }),
    body: JSON.stringify({
      from: written(from),
      to: to.map(written),
      ...(cc.length > 0 ? { cc: cc.map(written) } : {}),
      ...(bcc.length > 0 ? { bcc: bcc.map(written) } : {}),
      ...(replyTo.length > 0 ? { reply_to: replyTo.map(written) } : {}),
      subject: letter.subject,
      ...(letter.text === undefined ? {} : { text: letter.text }),
      ...(letter.html === undefined ? {} : { html: letter.html }),
      ...(files.length > 0 ? { attachments: files } : {}),
    }),
    signal,
    appCode,
    env,
    trusted: true,
  };
  const answer = await callHttp(call);
  const sent = z.object({ id: z.string() }).safeParse(answer.body);
  if (sent.success) return sent.data.id;
  throw new StepError('email_bad_response', 'the response of the mail API has no message id');
}
