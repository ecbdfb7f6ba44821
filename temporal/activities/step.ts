// The step of a node as an activity executes it: the handler of its type, and its config with templates.

import { type CompiledStep, compileStep } from '../../functions/worker/steps/compile.ts';
import type { StepHandler } from '../../functions/worker/steps/types.ts';

export interface StepFacts {
  /** Time limit of an attempt, in milliseconds. */
  timeoutMs?: number;
  /** The handles of the edges that leave the node; null: any. A condition chooses among them. */
  handles?: readonly (string | null)[];
}

export interface ActivityStep extends StepFacts {
  readonly compiled: CompiledStep;
  /** Its facts (component, prompts, tools) are in the database. */
  readonly isComponent: boolean;
}

/** Throws StepError when a template of the config cannot be compiled. */
export function step(handler: StepHandler, config: unknown, facts: StepFacts = {}): ActivityStep {
  const { isComponent, name } = handler.stepType;
  const usesPlan = isComponent || name === 'llm_call';
  return { ...facts, compiled: compileStep(handler, config), isComponent: usesPlan };
}

/** The steps of a workflow, by the names of their activities. */
export type Steps = Readonly<Record<string, ActivityStep>>;
