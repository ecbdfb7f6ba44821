// llm_call: one answer of a language model.

import { z } from 'zod';
import { exactlyOne } from './config.ts';
import { defineStepType } from './define.ts';
import { callFields, modelFiles } from './model-config.ts';

const message = z.strictObject({
  role: z.enum(['system', 'developer', 'user', 'assistant']),
  content: z.string(),
});

/** `name`, `name@version`, or a prompt of another application: `app/name`. */
const promptName = z
  .string()
  .regex(
    /^([a-z0-9-]+\/)?[a-z0-9]+([-_.][a-z0-9]+)*(@[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?)?$/,
    'must be name, name@version, app/name or app/name@version',
  );

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
      /** A stored prompt instead of `system`. */
      system_prompt_name: promptName.optional(),
      prompt: prompt.optional(),
      messages: z.array(message).min(1).optional(),
      /** A stored prompt instead of `prompt`. */
      prompt_name: promptName.optional(),
      /** For the templates of stored prompts. */
      variables: z.record(z.string(), z.unknown()).nullish(),
      files: modelFiles.nullish(),
      /** JSON Schema of the answer. */
      response_schema: z.record(z.string(), z.unknown()).nullish(),
    }),
    'prompt',
    'messages',
    'prompt_name',
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
