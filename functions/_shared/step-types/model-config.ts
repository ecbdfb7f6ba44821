// Config of the steps that call a model: which model, and what it gets.

import { z } from 'zod';
import { bucketName, httpUrl, storagePath } from './config.ts';

export const PROVIDERS = ['openai-compatible', 'openai', 'anthropic'] as const;

/** US dollars for a million tokens. */
export const modelPrice = z.strictObject({
  input: z.number().min(0),
  output: z.number().min(0),
  /** For input that the provider had in its cache; `input` by default. */
  cached_input: z.number().min(0).nullish(),
});

export const modelFields = {
  model: z.string().min(1),
  provider: z.enum(PROVIDERS).nullish(),
  base_url: httpUrl.nullish(),
  api_key: z.string().min(1).nullish(),
  price: modelPrice.nullish(),
};

/** A model that is called if the models before it fail. */
const fallback = z.strictObject(modelFields);

export const callFields = {
  ...modelFields,
  fallbacks: z.array(fallback).max(5).nullish(),
  temperature: z.number().min(0).max(2).optional(),
  max_tokens: z.int().min(1).optional(),
  /** Whether the watchers of the run see the text while the model writes it. */
  stream: z.boolean().nullish(),
};

/** Files of the application in Supabase Storage. */
export const modelFiles = z
  .array(
    z.strictObject({
      bucket: bucketName,
      path: storagePath,
      media_type: z.string().min(1).nullish(),
    }),
  )
  .max(20);

export type ModelChoice = z.output<typeof fallback>;
export type ModelFile = z.output<typeof modelFiles>[number];
