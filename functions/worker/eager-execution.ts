// Eager execution: when a step completes, the worker also executes the steps that must follow and have no
// side effects, before the first one is written; one transaction writes all of them. The database
// still decides: it follows the edges itself and accepts a result only for a step that becomes running on
// this worker's token. A result that it does not accept is dropped and the step is executed again in the
// normal way, which is invisible, because the step changed nothing.

import type { EagerStep, Work } from './engine/types.ts';
import { type AttemptOutcome, type ExecutorDeps, execute } from './executor.ts';
import { detailsOf } from './outcomes.ts';
import type { CompiledNode, CompiledPlan } from './plans.ts';

/** Eagerly executed steps become visible in the run when they are written: so they are few and take little time. */
const MAX_EAGER_STEPS = 1_000;
const MAX_EAGER_MS = 50;

type CompletedOutcome = Extract<AttemptOutcome, { kind: 'completed' }>;

/** Whether a node may be executed before its only predecessor, or the start of its run, is committed. */
function mayBeEager(node: CompiledNode): boolean {
  // A step that reads the whole context would miss outputs that are not written yet.
  return (
    node.inDegree <= 1 &&
    'isPure' in node.step &&
    node.step.isPure &&
    !node.step.usesContext &&
    node.step.reads !== 'all'
  );
}

function eagerSuccessors(
  plan: CompiledPlan,
  stepId: string,
  handle: string | undefined,
): CompiledNode[] {
  return (plan.nodes.get(stepId)?.next ?? [])
    .filter((edge) => edge.handle === null || edge.handle === handle)
    .map((edge) => plan.nodes.get(edge.id))
    .filter((node) => node !== undefined)
    .filter(mayBeEager);
}

/** The first step of a run, if it may be executed before the run has started: it must also be brief. */
export function eagerStartOf(plan: CompiledPlan): CompiledNode | undefined {
  const { first } = plan;
  return first && mayBeEager(first) && 'isBrief' in first.step && first.step.isBrief
    ? first
    : undefined;
}

/** Executes the steps that may follow `first` eagerly; steps that fail or wait are left to the normal way. */
export async function executeEagerly(
  first: CompletedOutcome,
  abort: AbortSignal,
  deps: ExecutorDeps,
): Promise<EagerStep[]> {
  const { work } = first;
  // Only the database can determine the successors of an item of a for_each or of a compensation.
  if (work.item_index !== 0) return [];
  const plan = await deps.plans.get(work.workflow_version_id);
  const until = deps.clock.now() + MAX_EAGER_MS;
  const executed: EagerStep[] = [];
  /** Steps without a row: their outputs can be read from memory only. */
  const unwritten = new Set<string>();
  const canRead = ({ step }: CompiledNode) =>
    'reads' in step &&
    step.reads !== 'all' &&
    step.reads.every((id) => !unwritten.has(id) || deps.memory.hasOutput(work.run_id, id));
  const pending = [first];
  for (let before = pending.shift(); before; before = pending.shift()) {
    unwritten.add(before.work.step_id);
    for (const node of eagerSuccessors(plan, before.work.step_id, before.result.handle)) {
      if (abort.aborted || executed.length >= MAX_EAGER_STEPS || deps.clock.now() > until) {
        return executed;
      }
      if (!canRead(node)) continue;
      const outcome = await execute(eagerWork(work, node), abort, deps);
      // The memory may have dropped outputs while the step ran.
      if (outcome.kind !== 'completed' || !canRead(node)) continue;
      // Lines that a step printed belong to an attempt, which has a row only in the normal way.
      if (outcome.result.logs?.length) continue;
      executed.push({ stepId: node.id, afterId: before.work.step_id, ...resultOf(outcome) });
      pending.push(outcome);
    }
  }
  return executed;
}

function eagerWork(work: Work, node: CompiledNode): Work {
  return { ...work, step_id: node.id, step_run_id: '', attempt: 1, fence: 1 };
}

/** The result of a completed step as the engine takes it. */
export function resultOf({
  input,
  result,
  span,
}: CompletedOutcome): Omit<EagerStep, 'stepId' | 'afterId'> {
  return {
    input,
    output: result.output,
    handle: result.handle,
    details: detailsOf(result),
    ...(span === undefined ? {} : { span }),
  };
}
