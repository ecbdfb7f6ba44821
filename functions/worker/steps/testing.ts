// For the tests beside this file: a step's context, and a step that runs as in the worker.

import { parseEnv } from '../../_shared/env/env.ts';
import type { Secret } from '../../_shared/expressions/index.ts';
import { createStepEnv } from './env.ts';
import { compileStep, stepHandlers } from './index.ts';
import { type StepContext, type StepEnv, StepError, type StepResult } from './types.ts';

export function testContext(overrides: Partial<StepContext> = {}): StepContext {
  return {
    run: { id: 'run-1', app_code: 'acme', workflow: 'orders', version: 1 },
    stepId: 'step',
    attempt: 1,
    itemIndex: 0,
    idempotencyKey: 'run-1:step:0',
    stepRunId: '019a0000-0000-7000-8000-00000000000a',
    signal: new AbortController().signal,
    queueing: (wait) => wait,
    env: testEnv(),
    log: () => {},
    queues: {
      push: () => Promise.reject(new Error('this test has no work queues')),
      pop: () => Promise.reject(new Error('this test has no work queues')),
    },
    runs: {
      signal: () => Promise.reject(new Error('this test has no other runs')),
      query: () => Promise.reject(new Error('this test has no other runs')),
    },
    callbacks: {
      open: () => Promise.resolve({ token: 'sbc_1', expires_at: new Date(0), secrets: [] }),
    },
    functions: { call: () => Promise.reject(new Error('this test has no functions')) },
    agentTurns: { load: () => Promise.resolve([]), store: () => Promise.resolve() },
    usage: {
      countLlmCall: () => Promise.resolve(),
      countTokens: () => Promise.resolve(null),
      countMails: () => Promise.resolve(),
    },
    input: {},
    steps: {},
    context: {},
    ...overrides,
  };
}

export function testEnv(
  variables: Record<string, string> = {},
  overrides: Partial<StepEnv> = {},
): StepEnv {
  const env = parseEnv({
    DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
    SUPABASE_URL: 'http://127.0.0.1:1',
    STEPBASE_ALLOW_PRIVATE_NETWORK: 'true',
    ...variables,
  });
  return createStepEnv(env.steps, overrides);
}

/** A secret for any host, or one that names its hosts. */
export type TestSecrets = Readonly<Record<string, string | Secret>>;

const secretOf = (secret: string | Secret | undefined): Secret | undefined =>
  typeof secret === 'string' ? { value: secret } : secret;

export async function runStep(
  type: string,
  config: unknown,
  ctx: StepContext = testContext(),
  secrets: TestSecrets = {},
): Promise<StepResult> {
  const handler = stepHandlers.get(type);
  if (handler === undefined) throw new Error(`no step type ${type}`);
  const step = compileStep(handler, config);
  const resolved = await step.resolve(ctx);
  return await step.run(resolved, (name) => secretOf(secrets[name]), ctx);
}

/** The output of a step that must complete. */
export async function outputOf(
  type: string,
  config: unknown,
  ctx: StepContext = testContext(),
  secrets: TestSecrets = {},
): Promise<unknown> {
  const result = await runStep(type, config, ctx, secrets);
  if (result.kind !== 'completed') throw new Error(`the step is ${result.kind}`);
  return result.output;
}

/** The StepError of a step that must fail. */
export async function failureOf(
  type: string,
  config: unknown,
  ctx: StepContext = testContext(),
  secrets: TestSecrets = {},
): Promise<StepError> {
  try {
    await runStep(type, config, ctx, secrets);
  } catch (error) {
    if (error instanceof StepError) return error;
    throw error;
  }
  throw new Error('the step was expected to fail');
}

/** Runs when the tests of a file have ended; hosted Deno has no Deno.test.afterAll. */
export function afterAll(end: () => unknown): void {
  globalThis.addEventListener('unload', () => void end());
}

/** The error of the database when a quota of the day is used up. */
export function quotaError(quota: string): Error {
  return refusalOf('SB429', { code: 'limit_reached', quota, retry_after_ms: 60_000 });
}

/** An error that the database raises with raise_error. */
export function refusalOf(code: string, detail: Record<string, unknown>): Error {
  return Object.assign(new Error('The database refuses'), { code, detail: JSON.stringify(detail) });
}
