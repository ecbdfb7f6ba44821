// webhook: a signed message to another system.

import { z } from 'zod';
import { headers, httpUrl, retryOn } from './config.ts';
import { defineStepType, HTTP_TIMEOUT_MS } from './define.ts';

export const webhookType = defineStepType({
  name: 'webhook',
  label: 'Webhook',
  description: 'Sends a payload to an address, signed when a secret is given.',
  icon: 'webhook',
  color: '#2563eb',
  category: 'action',
  config: z.strictObject({
    url: httpUrl,
    payload: z.unknown().optional(),
    headers,
    /** Plain text, or whsec_ and the key in base64. */
    secret: z.string().min(1).nullish(),
    retry_on: retryOn,
  }),
  rawKeys: {},
  urlKeys: ['url'],
  handles: [],
  defaultTimeoutMs: HTTP_TIMEOUT_MS,
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
