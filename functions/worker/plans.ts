// Compiled plans: the nodes of a published version with compiled templates. A published version never changes,
// so a worker reads and compiles its plan once and keeps it until 500 others were used since.

import { z } from 'zod';
import type { Clock } from '../_shared/clock/clock.ts';
import type { ToolFacts } from './agents/types.ts';
import type { Engine, PlanNode } from './engine/engine.ts';
import { createLoader } from './loader.ts';
import {
  type CompiledStep,
  type Component,
  compileStep,
  StepError,
  type StoredPrompt,
  stepHandlers,
  toStepError,
} from './steps/index.ts';

const KEPT_PLANS = 500;
/** A version never changes, but its components may. */
const COMPONENTS_KEPT_MS = 60_000;

interface Kept {
  plan: Promise<CompiledPlan>;
  until: number;
}

/** A part of a node that can run: the step itself, its item, or its compensation. */
export interface Runnable {
  /** The compiled step, or the reason why it cannot run; the other nodes of the plan still can. */
  step: CompiledStep | StepError;
  timeoutMs: number | undefined;
  /** Time limit of the step with all of its attempts. */
  maxElapsedMs: number | undefined;
  component: Component | undefined;
  tools: readonly ToolFacts[] | undefined;
}

export interface CompiledNode extends Runnable {
  id: string;
  inDegree: number;
  /** Outgoing edges: target and handle (null: any handle). */
  next: readonly { id: string; handle: string | null }[];
  /** The inner step of a for_each. */
  item: Runnable | undefined;
  compensation: Runnable | undefined;
}

export interface CompiledPlan {
  workflow: string;
  version: number;
  nodes: ReadonlyMap<string, CompiledNode>;
  prompts?: Readonly<Record<string, StoredPrompt>> | undefined;
  /** The first step; undefined when there are several. */
  first: CompiledNode | undefined;
}

export interface Plans {
  get(workflowVersionId: string): Promise<CompiledPlan>;
}

const forEachConfig = z.object({
  step: z.object({ type: z.string(), config: z.unknown() }),
});

/** The config of a for_each is its list; its inner step has a scope of its own (item, index). */
function compileForEach(
  config: unknown,
): [own: CompiledStep | StepError, item: CompiledStep | StepError] {
  const parsed = forEachConfig.safeParse(config);
  if (!parsed.success) {
    const error = new StepError('invalid_config', 'a for_each needs step: {type, config}');
    return [error, error];
  }
  const { step: _inner, ...own } = config as Record<string, unknown>;
  return [
    compileNode('for_each', own),
    compileNode(parsed.data.step.type, parsed.data.step.config),
  ];
}

function compile(node: PlanNode): CompiledNode {
  const { compensate } = node;
  const about = {
    timeoutMs: node.timeout_ms ?? undefined,
    maxElapsedMs: node.max_elapsed_ms ?? undefined,
    component: node.component ?? undefined,
    tools: node.tools ?? undefined,
  };
  const [step, item] =
    node.type === 'for_each'
      ? compileForEach(node.config)
      : [compileNode(node.type, node.config), undefined];
  return {
    ...about,
    id: node.id,
    inDegree: node.in_degree,
    next: node.next,
    step,
    item: item && { ...about, step: item },
    compensation: compensate
      ? {
          step: compileNode(compensate.type, compensate.config),
          timeoutMs: compensate.timeout_ms ?? undefined,
          maxElapsedMs: node.undo_max_elapsed_ms ?? undefined,
          component: node.undo_component ?? undefined,
          tools: undefined,
        }
      : undefined,
  };
}

function compileNode(type: string, config: unknown): CompiledStep | StepError {
  const handler = stepHandlers.get(type);
  if (!handler) return new StepError('unknown_step_type', `this worker has no step type ${type}`);
  try {
    return compileStep(handler, config);
  } catch (error) {
    return toStepError(error);
  }
}

export function createPlans(engine: Pick<Engine, 'loadPlans'>, clock: Pick<Clock, 'now'>): Plans {
  const kept = new Map<string, Kept>();
  const loader = createLoader<string, CompiledPlan>(async (ids) => {
    const found = new Map(
      (await engine.loadPlans([...new Set(ids)])).map((p) => [p.workflow_version_id, p]),
    );
    return ids.map((id) => {
      const plan = found.get(id);
      if (!plan) throw new Error(`workflow version ${id} does not exist any more`);
      const nodes = plan.nodes.map(compile);
      const [first, ...others] = nodes.filter((node) => node.inDegree === 0);
      return {
        workflow: plan.workflow,
        version: plan.version,
        nodes: new Map(nodes.map((node) => [node.id, node])),
        prompts: plan.prompts ?? undefined,
        first: others.length === 0 ? first : undefined,
      };
    });
  });

  function load(id: string): Kept {
    const entry: Kept = { plan: loader.load(id), until: Number.POSITIVE_INFINITY };
    entry.plan.then(
      ({ nodes }) => {
        const mayChange = ({ component, compensation, tools }: CompiledNode) =>
          component ?? compensation?.component ?? tools;
        if ([...nodes.values()].some(mayChange)) {
          entry.until = clock.now() + COMPONENTS_KEPT_MS;
        }
      },
      () => kept.delete(id),
    );
    return entry;
  }

  return {
    get(id) {
      let entry = kept.get(id);
      // A Map keeps its order of insertion, so the first key is the least recently used.
      if (entry) kept.delete(id);
      if (!entry || entry.until < clock.now()) entry = load(id);
      const [oldest] = kept.keys();
      if (kept.size >= KEPT_PLANS && oldest !== undefined) kept.delete(oldest);
      kept.set(id, entry);
      return entry.plan;
    },
  };
}
