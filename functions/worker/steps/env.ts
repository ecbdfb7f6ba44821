// The external services and settings for steps: built once from the environment, and passed to every handler.

import type { Env } from '../../_shared/env/env.ts';
import { HTTP_TIMEOUT_MS } from '../../_shared/step-types/define.ts';
import { inlineCodeType } from '../../_shared/step-types/inline-code.ts';
import type { StorageAccess } from '../../_shared/storage/objects.ts';
import { type Connect, createConnect } from './connect.ts';
import { createEgressPolicy, type EgressPolicy } from './egress.ts';
import type { Receivers } from './secret-receivers.ts';

export interface StepLimits {
  /** Largest response body that a step keeps. */
  responseBytes: number;
  redirects: number;
  httpTimeoutMs: number;
  codeMs: number;
}

export interface StepEnv {
  connect: Connect;
  now(): Date;
  egress: EgressPolicy;
  /** The hosts that may receive the secrets of this attempt; one entry for each secret that names hosts. */
  receivers: readonly Receivers[];
  openai: { baseUrl: string; apiKey?: string };
  mail: {
    from?: string;
    smtpUrl?: string;
    /** An HTTP mail API in the form of Resend, for platforms that block SMTP ports. */
    resend?: { baseUrl: string; apiKey: string };
  };
  /** Supabase Storage of the project. */
  storage: StorageAccess;
  /** Where components send their callbacks. */
  callbackUrl: string;
  limits: StepLimits;
}

export const defaultStepLimits: StepLimits = {
  responseBytes: 4 * 1024 * 1024,
  redirects: 5,
  httpTimeoutMs: HTTP_TIMEOUT_MS,
  codeMs: inlineCodeType.defaultTimeoutMs,
};

export function createStepEnv(
  { allowPrivateNetwork, egressAllow, openai, smtp, resend, storage, apiUrl }: Env['steps'],
  overrides: Partial<StepEnv> = {},
): StepEnv {
  return {
    connect: createConnect(),
    now: () => new Date(),
    egress: createEgressPolicy({ allowPrivateNetwork, allow: egressAllow }),
    receivers: [],
    openai: {
      baseUrl: openai.baseUrl,
      ...(openai.apiKey === undefined ? {} : { apiKey: openai.apiKey }),
    },
    mail: {
      ...(smtp.from === undefined ? {} : { from: smtp.from }),
      ...(smtp.url === undefined ? {} : { smtpUrl: smtp.url }),
      ...(resend === undefined ? {} : { resend }),
    },
    storage: {
      url: storage.url,
      ...(storage.secretKey === undefined ? {} : { secretKey: storage.secretKey }),
    },
    callbackUrl: `${apiUrl}/callbacks`,
    limits: defaultStepLimits,
    ...overrides,
  };
}
