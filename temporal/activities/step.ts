// The step of a node as an activity executes it: the handler of its type, and its config with templates.

import { type CompiledStep, compileStep } from '../../functions/worker/steps/compile.ts';
import type { StepHandler } from '../../functions/worker/steps/types.ts';

export interface StepFacts {
  /** Time limit of an attempt, in milliseconds. */
  timeoutMs?: number;
  /** The handles of the edges that leave the node, null for an edge without one. A condition chooses among them. */
  handles?: readonly (string | null)[];
}

export interface ActivityStep extends StepFacts {
  readonly compiled: CompiledStep;
  /** Its component or prompt is in the plan of the version, in the database. */
  readonly readsPlan: boolean;
}

/** Keys of a config that name a component or a stored prompt. */
const PLAN_KEYS = ['component', 'prompt_name', 'system_prompt_name'];

/** Throws StepError when a template of the config cannot be compiled. */
export function step(handler: StepHandler, config: unknown, facts: StepFacts = {}): ActivityStep {
  const compiled = compileStep(handler, config);
  const keys = typeof config === 'object' && config !== null ? Object.keys(config) : [];
  return { ...facts, compiled, readsPlan: keys.some((key) => PLAN_KEYS.includes(key)) };
}

/** The steps of a workflow, by the names of their activities. */
export type Steps = Readonly<Record<string, ActivityStep>>;
