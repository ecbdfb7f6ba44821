// The model that a step chose: its address, its key, and who answers for the address.

import type { ModelChoice } from '../../_shared/step-types/model-config.ts';
import { StepError } from '../steps/errors.ts';
import type { StepEnv } from '../steps/types.ts';

export interface Model {
  provider: 'openai-compatible' | 'openai' | 'anthropic';
  name: string;
  baseUrl: string;
  /** Undefined: the endpoint gets no key. */
  apiKey: string | undefined;
  /** The operator configured the address, so the egress check does not apply. */
  trusted: boolean;
  price: ModelChoice['price'];
}

const PUBLIC_URLS = {
  openai: 'https://api.openai.com/v1',
  anthropic: 'https://api.anthropic.com/v1',
} as const;

/** The key of the operator goes to the address of the operator only. */
export function modelOf(choice: ModelChoice, { openai }: Pick<StepEnv, 'openai'>): Model {
  const provider = choice.provider ?? 'openai-compatible';
  const own = choice.api_key ?? undefined;
  const about = { provider, name: choice.model, price: choice.price };
  if (choice.base_url) {
    const baseUrl = choice.base_url.replace(/\/+$/, '');
    return { ...about, baseUrl, apiKey: keyOf(provider, own), trusted: false };
  }
  if (provider === 'openai-compatible' || (provider === 'openai' && own === undefined)) {
    const apiKey = keyOf(provider, own ?? openai.apiKey);
    return { ...about, baseUrl: openai.baseUrl, apiKey, trusted: true };
  }
  return { ...about, baseUrl: PUBLIC_URLS[provider], apiKey: keyOf(provider, own), trusted: false };
}

function keyOf(provider: Model['provider'], key: string | undefined): string | undefined {
  if (key === undefined && provider !== 'openai-compatible') {
    throw new StepError(
      'invalid_config',
      `the provider ${provider} needs api_key: use {{ secrets.<name> }}`,
    );
  }
  return key;
}
