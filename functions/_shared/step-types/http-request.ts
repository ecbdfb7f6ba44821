// http_request: one call to an HTTP API.

import { z } from 'zod';
import { headers, httpUrl, query, retryOn } from './config.ts';
import { defineStepType, HTTP_TIMEOUT_MS } from './define.ts';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

/** In any case. Flags such as (?i) do not mean the same to every validator of patterns. */
const inAnyCase = (word: string) =>
  word.replaceAll(/[A-Z]/g, (letter) => `[${letter}${letter.toLowerCase()}]`);

const method = z
  .string()
  .regex(new RegExp(`^(${METHODS.map(inAnyCase).join('|')})$`), `must be ${METHODS.join(', ')}`)
  .transform((name) => name.toUpperCase())
  .pipe(z.enum(METHODS))
  .default('GET');

export const httpRequestType = defineStepType({
  name: 'http_request',
  label: 'HTTP request',
  description: 'Calls an HTTP service.',
  icon: 'globe',
  color: '#2563eb',
  category: 'action',
  config: z.strictObject({
    method,
    url: httpUrl,
    headers,
    query,
    body: z.unknown().optional(),
    max_response_bytes: z.int().min(1).max(16_777_216).optional(),
    /** Statuses from 400 on that are an answer, not a failure. */
    accept_status: z.array(z.int()).optional(),
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
