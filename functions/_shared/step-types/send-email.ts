// send_email: one mail.

import { z } from 'zod';
import { nonEmptyText, onlyAtRunTime, text, withJsonSchema } from './config.ts';
import { ATTEMPT_TIMEOUT_MS, defineStepType } from './define.ts';

const isAddress = (value: string) => /^[^\r\n]*[^\s@<]+@[^\s@>]+>?$/.test(value.trim());
const notAnAddress = 'is not an e-mail address';

const address = onlyAtRunTime(z.string(), isAddress, notAnAddress).transform((one) => one.trim());

/** A list, or one string with commas. */
const addresses = z
  .union([
    z.array(onlyAtRunTime(z.string().min(1), isAddress, notAnAddress)).min(1),
    onlyAtRunTime(
      z.string().min(1),
      (list) => list.split(',').every(isAddress),
      notAnAddress,
    ).transform((list) => list.split(',')),
  ])
  .transform((list) => list.map((one) => one.trim()));

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
    z.object({
      to: addresses,
      cc: addresses.nullish(),
      bcc: addresses.nullish(),
      /** Must be of the operator's own domain; without it, SMTP_FROM. */
      from: address.nullish(),
      reply_to: address.nullish(),
      subject: nonEmptyText,
      text: text.nullish(),
      html: text.nullish(),
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
