// llm_call: one answer of a language model.

import { z } from 'zod';
import { exactlyOne } from './config.ts';
import { defineStepType } from './define.ts';
import { callFields, modelFiles } from './model-config.ts';

const message = z.strictObject({
  role: z.enum(['system', 'developer', 'user', 'assistant']),
  content: z.string(),
});

/** Prompts are often whole templates, which keep their value's type; a model reads text. */
const prompt = z.union([
  z.string().min(1),
  z
    .union([z.number(), z.boolean(), z.record(z.string(), z.unknown()), z.array(z.unknown())])
    .transform((value) => JSON.stringify(value)),
]);

export const llmCallType = defineStepType({
  name: 'llm_call',
  label: 'LLM call',
  description: 'Asks a language model.',
  icon: 'bot',
  color: '#7c3aed',
  category: 'ai',
  config: exactlyOne(
    z.strictObject({
      ...callFields,
      system: z.string().nullish(),
      prompt: prompt.optional(),
      messages: z.array(message).min(1).optional(),
      files: modelFiles.nullish(),
      /** JSON Schema of the answer. */
      response_schema: z.record(z.string(), z.unknown()).nullish(),
    }),
    'prompt',
    'messages',
  ),
  rawKeys: {},
  urlKeys: [],
  handles: [],
  defaultTimeoutMs: 120_000,
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
