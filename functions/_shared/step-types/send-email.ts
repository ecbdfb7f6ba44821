// send_email: one mail.

import { z } from 'zod';
import { nonEmptyText, text, withJsonSchema } from './config.ts';
import { ATTEMPT_TIMEOUT_MS, defineStepType } from './define.ts';

/** One string may have several addresses. Null: an optional template without a value. The worker parses them. */
const addresses = z.union([z.array(z.string().nullable()).min(1), z.string().min(1)]);

const binary = z.strictObject({ encoding: z.literal('base64'), data: z.string() });

/** The content is text, or bytes as HTTP steps give them. */
const attachment = z.strictObject({
  filename: nonEmptyText,
  content: z.union([text, binary]),
  content_type: z.string().min(1).nullish(),
});

/** A body that is present and not empty. */
const hasBody = (key: string) => ({
  required: [key],
  properties: { [key]: { type: ['string', 'number', 'boolean'], minLength: 1 } },
});

export const sendEmailType = defineStepType({
  name: 'send_email',
  label: 'Send email',
  description: 'Sends a mail.',
  icon: 'mail',
  color: '#2563eb',
  category: 'action',
  config: withJsonSchema(
    z.strictObject({
      to: addresses,
      cc: addresses.nullish(),
      bcc: addresses.nullish(),
      /** Must be of the operator's own domain; without it, SMTP_FROM. */
      from: z.string().nullish(),
      reply_to: addresses.nullish(),
      subject: nonEmptyText,
      text: text.nullish(),
      html: text.nullish(),
      attachments: z.array(attachment).nullish(),
    }),
    {
      check: (mail) => Boolean(mail.text) || Boolean(mail.html),
      message: 'give text or html',
      path: ['text'],
      jsonSchema: { anyOf: [hasBody('text'), hasBody('html')] },
    },
  ),
  rawKeys: {},
  urlKeys: [],
  handles: [],
  defaultTimeoutMs: ATTEMPT_TIMEOUT_MS,
  deadlineKeys: [],
  waitKind: null,
  isComponent: false,
  isActivity: true,
  mayUseSecrets: true,
  isPure: false,
  isBrief: false,
  hasRetryableErrors: true,
  allowedInForEach: true,
  allowedInCompensation: true,
});
