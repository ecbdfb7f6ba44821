// send_email: reads the config, counts the recipients and hands the mail over. The output is {message_id}.

import type { z } from 'zod';
import { sendEmailType } from '../../_shared/step-types/send-email.ts';
import { StepError } from './errors.ts';
import { mailboxesOf } from './mail-addresses.ts';
import { type Attachment, deliver, senderOf } from './mail-delivery.ts';
import { refusedBy } from './refusal.ts';
import { bytesOf } from './request-body.ts';
import type { StepContext, StepHandler, StepResult } from './types.ts';

type EmailConfig = z.output<typeof sendEmailType.config>;

export const sendEmail: StepHandler<typeof sendEmailType> = {
  stepType: sendEmailType,
  async run(config, ctx: StepContext): Promise<StepResult> {
    const letter = {
      from: senderOf(ctx.env.mail, config.from),
      to: mailboxesOf(config.to, 'to'),
      cc: mailboxesOf(config.cc, 'cc'),
      bcc: mailboxesOf(config.bcc, 'bcc'),
      replyTo: mailboxesOf(config.reply_to, 'reply_to'),
      attachments: attachmentsOf(config),
      subject: config.subject,
      text: config.text || undefined,
      html: config.html || undefined,
    };
    if (letter.to.length === 0) throw new StepError('invalid_config', 'to: has no e-mail address');
    const recipients = letter.to.length + letter.cc.length + letter.bcc.length;
    await refusedBy(() => ctx.usage.countMails(recipients));
    const messageId = await deliver(letter, {
      env: ctx.env,
      signal: ctx.signal,
      key: ctx.idempotencyKey,
      appCode: ctx.run.app_code,
    });
    return { kind: 'completed', output: { message_id: messageId } };
  },
};

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
