// Every step type the worker can run, by name. Types missing here are the engine's own.

import { condition } from './condition.ts';
import { httpRequest } from './http-request.ts';
import { transform } from './transform.ts';
import type { StepHandler } from './types.ts';

const handlers = [httpRequest, transform, condition] as unknown as readonly StepHandler<unknown>[];

export const stepHandlers: ReadonlyMap<string, StepHandler<unknown>> = new Map(
  handlers.map((handler) => [handler.type, handler]),
);

export { type CompiledStep, compileStep } from './compile.ts';
export { createStepEnv, defaultStepLimits, type StepEnv, type StepLimits } from './env.ts';
export { StepError, toStepError } from './errors.ts';
export type * from './types.ts';
