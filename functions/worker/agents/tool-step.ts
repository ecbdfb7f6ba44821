// The step that runs a tool of an agent, or its approval. Its config comes from the model, so it is taken as it is: text
// that looks like a template or names a secret stays text.

import type { Json } from '../../_shared/expressions/index.ts';
import { type CompiledStep, compileStep } from '../steps/compile.ts';
import { StepError, toStepError } from '../steps/errors.ts';
import type { Component, StepHandler } from '../steps/types.ts';
import type { ToolFacts } from './types.ts';

/** step_runs.item of such a step. */
export interface ToolItem {
  type: string;
  component_id?: string;
  config: Json;
}

export interface ToolStep {
  step: CompiledStep | StepError;
  component: Component | undefined;
}

export function toolStep(
  item: ToolItem,
  tools: readonly ToolFacts[] | undefined,
  handlers: ReadonlyMap<string, StepHandler>,
): ToolStep {
  const { type, component_id: id, config } = item;
  const component =
    tools?.map((tool) => tool.component).find((found) => found?.id === id) ?? undefined;
  const handler = handlers.get(type);
  if (handler === undefined) {
    const step = new StepError('unknown_step_type', `this worker has no step type ${type}`);
    return { step, component };
  }
  try {
    return { step: literalStep(handler, config), component };
  } catch (error) {
    return { step: toStepError(error), component };
  }
}

function literalStep(handler: StepHandler, config: Json): CompiledStep {
  return {
    ...compileStep(handler, {}),
    resolve: () =>
      Promise.resolve({ stored: config, secrets: [], finish: () => Promise.resolve(config) }),
  };
}
