// send_email: sends over SMTP if SMTP_URL is set, otherwise over an HTTP mail API (hosted Edge Functions cannot reach
// SMTP ports). The output is {message_id}.

// @ts-types='npm:@types/nodemailer'
import nodemailer from 'nodemailer';
import { z } from 'zod';
import { sendEmailType } from '../../_shared/step-types/send-email.ts';
import { abortError, StepError } from './errors.ts';
import { callHttp } from './http-client.ts';
import { refusedBy } from './refusal.ts';
import { assertMayReceive } from './secret-receivers.ts';
import type { StepContext, StepEnv, StepHandler, StepResult } from './types.ts';

type EmailConfig = z.output<typeof sendEmailType.config>;

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
    const from = senderOf(config.from, mail.from);
    const recipients = [config.to, config.cc ?? [], config.bcc ?? []].flat().length;
    await refusedBy(() => ctx.usage.countMails(recipients));
    // SMTP_URL is the operator's explicit choice; the HTTP API is for platforms without SMTP.
    const messageId =
      mail.smtpUrl === undefined
        ? await sendByApi(config, from, mail.resend, ctx)
        : await sendBySmtp(config, from, mail.smtpUrl, ctx);
    return { kind: 'completed', output: { message_id: messageId } };
  },
};

/** Tenants share the operator's mail account and must not send from other domains. */
function senderOf(wanted: string | null | undefined, allowed: string): string {
  if (!wanted) return allowed;
  if (domainOf(wanted) === domainOf(allowed)) return wanted;
  throw new StepError(
    'email_sender_not_allowed',
    `mail can only be sent from @${domainOf(allowed)}`,
  );
}

function domainOf(mailbox: string): string {
  return /@([\w.-]+)>?\s*$/.exec(mailbox)?.[1]?.toLowerCase() ?? '';
}

/** The same for every attempt, so that receivers can recognise a mail that was sent twice. */
async function stableMessageId(key: string, from: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(key));
  const hex = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  );
  const domain = domainOf(from) || 'stepbase.invalid';
  return `<${hex.slice(0, 32)}@${domain}>`;
}

async function sendBySmtp(
  config: EmailConfig,
  from: string,
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
      to: config.to,
      ...(config.cc ? { cc: config.cc } : {}),
      ...(config.bcc ? { bcc: config.bcc } : {}),
      ...(config.reply_to ? { replyTo: config.reply_to } : {}),
      subject: config.subject,
      ...(config.text ? { text: config.text } : {}),
      ...(config.html ? { html: config.html } : {}),
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
  config: EmailConfig,
  from: string,
  resend: StepEnv['mail']['resend'],
  ctx: StepContext,
): Promise<string> {
  if (resend === undefined)
    throw new StepError('email_not_configured', 'RESEND_API_KEY is not set');
  const call = {
    method: 'POST',
    url: new URL(`${resend.baseUrl}/emails`),
    headers: new Headers({
      authorization: `Bearer ${resend.apiKey}`,
      'content-type': 'application/json',
      'idempotency-key': ctx.idempotencyKey,
    }),
    body: JSON.stringify({
      from,
      to: config.to,
      ...(config.cc ? { cc: config.cc } : {}),
      ...(config.bcc ? { bcc: config.bcc } : {}),
      ...(config.reply_to ? { reply_to: config.reply_to } : {}),
      subject: config.subject,
      ...(config.text ? { text: config.text } : {}),
      ...(config.html ? { html: config.html } : {}),
    }),
    signal: ctx.signal,
    env: ctx.env,
    trusted: true,
  };
  const answer = await callHttp(call);
  const sent = z.object({ id: z.string() }).safeParse(answer.body);
  if (sent.success) return sent.data.id;
  throw new StepError('email_bad_response', 'the response of the mail API has no message id');
}
