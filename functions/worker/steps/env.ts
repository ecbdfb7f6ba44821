// What steps may use of the world, built once from the environment and handed to every handler.

import { type EgressPolicy, parseEgressPolicy } from './egress.ts';

export interface StepLimits {
  /** Largest response body a step keeps. */
  responseBytes: number;
  redirects: number;
  httpTimeoutMs: number;
  codeMs: number;
}

export interface StepEnv {
  fetch: typeof globalThis.fetch;
  now(): Date;
  egress: EgressPolicy;
  openai: { baseUrl: string; apiKey?: string };
  mail: {
    from?: string;
    smtpUrl?: string;
    /** An HTTP mail API in the form of Resend, for places where SMTP ports are closed. */
    resend?: { baseUrl: string; apiKey: string };
  };
  limits: StepLimits;
}

export const defaultStepLimits: StepLimits = {
  responseBytes: 4 * 1024 * 1024,
  redirects: 5,
  httpTimeoutMs: 30_000,
  codeMs: 1_000,
};

export type StepVariables = Readonly<Record<string, string | undefined>>;

export function createStepEnv(variables: StepVariables, overrides: Partial<StepEnv> = {}): StepEnv {
  const value = (name: string): string | undefined => variables[name]?.trim() || undefined;
  const apiKey = value('OPENAI_API_KEY');
  const from = value('SMTP_FROM');
  const smtpUrl = value('SMTP_URL');
  const resendKey = value('RESEND_API_KEY');
  return {
    fetch: globalThis.fetch,
    now: () => new Date(),
    egress: parseEgressPolicy({
      allowPrivateNetwork: value('STEPBASE_ALLOW_PRIVATE_NETWORK'),
      allow: value('STEPBASE_EGRESS_ALLOW'),
    }),
    openai: {
      baseUrl: (value('OPENAI_BASE_URL') ?? 'https://api.openai.com/v1').replace(/\/+$/, ''),
      ...(apiKey === undefined ? {} : { apiKey }),
    },
    mail: {
      ...(from === undefined ? {} : { from }),
      ...(smtpUrl === undefined ? {} : { smtpUrl }),
      ...(resendKey === undefined
        ? {}
        : {
            resend: {
              apiKey: resendKey,
              baseUrl: (value('RESEND_BASE_URL') ?? 'https://api.resend.com').replace(/\/+$/, ''),
            },
          }),
    },
    limits: defaultStepLimits,
    ...overrides,
  };
}
