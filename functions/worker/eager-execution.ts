// Running ahead: what surely follows a completed step, and has no side effects, is executed before
// that step is even written, and all of it is written in one transaction. The database still decides:
// it follows the edges itself and takes an answer only for a step that becomes running on this
// worker's token. An answer that it does not take is forgotten, and the step runs again in its turn;
// nobody can tell, because it changed nothing.

import type { EagerStep, Work } from './engine/engine.ts';
import { type AttemptOutcome, detailsOf, type ExecutorDeps, execute } from './executor.ts';
import type { CompiledNode, CompiledPlan } from './plans.ts';

/** What runs ahead shows in the run only when it is written: neither many steps nor for long. */
const MAX_EAGER_STEPS = 1_000;
const MAX_EAGER_MS = 50;

type CompletedOutcome = Extract<AttemptOutcome, { kind: 'completed' }>;

/** Whether a node may run ahead of the only node before it, or of the start of its run. */
function isEager(node: CompiledNode): boolean {
  // Reading the whole context would miss what is not written yet.
  return (
    node.inDegree <= 1 &&
    'isPure' in node.step &&
    node.step.isPure &&
    !node.step.usesContext &&
    node.step.reads !== 'all'
  );
}

function following(plan: CompiledPlan, stepId: string, handle: string | undefined): CompiledNode[] {
  return (plan.nodes.get(stepId)?.next ?? [])
    .filter((edge) => edge.handle === null || edge.handle === handle)
    .map((edge) => plan.nodes.get(edge.id))
    .filter((node) => node !== undefined)
    .filter(isEager);
}

/** The first step of a run when it may run ahead of its start: it is done before anybody could see it under way. */
export function eagerStartOf(plan: CompiledPlan): CompiledNode | undefined {
  const { first } = plan;
  return first && isEager(first) && 'isBrief' in first.step && first.step.isBrief
    ? first
    : undefined;
}

/** Executes what may run ahead of `first`; steps that fail or wait are left to their turn. */
export async function executeEagerly(
  first: CompletedOutcome,
  abort: AbortSignal,
  deps: ExecutorDeps,
): Promise<EagerStep[]> {
  const { work } = first;
  // Items of a for_each are followed by their step, compensations by the next: the database knows which.
  if (work.item_index !== 0) return [];
  const plan = await deps.plans.get(work.workflow_version_id);
  const until = deps.clock.now() + MAX_EAGER_MS;
  const ahead: EagerStep[] = [];
  /** These are in no table yet: whoever reads one that is not remembered finds nothing. */
  const unwritten = new Set<string>();
  const finds = ({ step }: CompiledNode) =>
    'reads' in step &&
    step.reads !== 'all' &&
    step.reads.every((id) => !unwritten.has(id) || deps.memory.keeps(work.run_id, id));
  const after = [first];
  for (let before = after.shift(); before; before = after.shift()) {
    unwritten.add(before.work.step_id);
    for (const node of following(plan, before.work.step_id, before.result.handle)) {
      if (abort.aborted || ahead.length >= MAX_EAGER_STEPS || deps.clock.now() > until)
        return ahead;
      if (!finds(node)) continue;
      const answer = await execute(eagerWork(work, node), abort, deps);
      // What was remembered may have been forgotten while it ran.
      if (answer.kind !== 'completed' || !finds(node)) continue;
      ahead.push({ stepId: node.id, afterId: before.work.step_id, ...answered(answer) });
      after.push(answer);
    }
  }
  return ahead;
}

function eagerWork(work: Work, node: CompiledNode): Work {
  return { ...work, step_id: node.id, step_run_id: '', attempt: 1, claim: 1 };
}

/** What the engine is told of a step that its handler completed. */
export function answered({
  input,
  result,
}: CompletedOutcome): Omit<EagerStep, 'stepId' | 'afterId'> {
  return {
    input,
    output: result.output,
    handle: result.handle,
    details: detailsOf(result),
  };
}
