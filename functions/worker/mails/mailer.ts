// Writes and sends the mails of Stepbase itself, with the mail settings of send_email. A link begins with
// STEPBASE_WEB_URL.

import type { DueMail } from '../engine/types.ts';
import { StepError } from '../steps/errors.ts';
import { mailboxOf } from '../steps/mail-addresses.ts';
import { canSendMail, deliver, senderOf } from '../steps/mail-delivery.ts';
import type { StepEnv } from '../steps/types.ts';
import { invitationMail } from './invitation.ts';
import { taskMail } from './task.ts';
import type { MailText } from './text.ts';

/** Below the two minutes after which stepbase_engine.take_mails gives a mail to another worker. */
const SEND_MS = 60_000;

const TEMPLATES: Readonly<Record<string, (data: unknown, webUrl: string) => MailText>> = {
  invitation: invitationMail,
  task: taskMail,
};

export interface Mailer {
  /** Resolves with the message id; rejects with a StepError. */
  send(mail: DueMail, signal: AbortSignal): Promise<string>;
}

export function createMailer(
  env: StepEnv,
  webUrl: string | undefined,
): Mailer & { isConfigured: boolean } {
  return {
    isConfigured: canSendMail(env.mail) && webUrl !== undefined,
    async send({ mail_id, app_code, template, recipient, data, attempt }, stopped) {
      if (webUrl === undefined) {
        throw new StepError('email_not_configured', 'links have no address: set STEPBASE_WEB_URL');
      }
      const write = Object.hasOwn(TEMPLATES, template) ? TEMPLATES[template] : undefined;
      if (write === undefined) {
        throw new StepError('invalid_config', `the worker does not know the mail ${template}`);
      }
      const letter = {
        from: senderOf(env.mail),
        to: [mailboxOf(recipient, 'recipient')],
        cc: [],
        bcc: [],
        replyTo: [],
        attachments: [],
        ...write(data, webUrl),
      };
      // Each attempt has a token of its own, so that a receiver must not drop the later mail as a repetition.
      const key = `mail:${mail_id}:${attempt}`;
      const signal = AbortSignal.any([stopped, AbortSignal.timeout(SEND_MS)]);
      return await deliver(letter, { env, signal, key, appCode: app_code });
    },
  };
}
