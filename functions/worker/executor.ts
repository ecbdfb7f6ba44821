// The executor: executes one attempt of a step. It loads what the step's expressions read, resolves the config,
// runs the handler within its time limit and returns the outcome. It writes nothing; the completer does.

import type { Clock } from '../_shared/clock/clock.ts';
import type { Secret } from '../_shared/expressions/index.ts';
import { ATTEMPT_TIMEOUT_MS } from '../_shared/step-types/define.ts';
import { type ToolItem, toolStep } from './agents/tool-step.ts';
import { withToolOutputs } from './agents/turns.ts';
import type { Work } from './engine/engine.ts';
import { chooseHandle } from './handles.ts';
import type { Meter } from './meter.ts';
import type { Outputs } from './outputs/outputs.ts';
import type { CompiledNode, Plans, Runnable } from './plans.ts';
import type { RunMemory } from './run-memory.ts';
import type { StepLogs } from './step-logs.ts';
import type { StepTexts } from './step-texts.ts';
import { throwIfAborted } from './steps/errors.ts';
import {
  type CompiledStep,
  type Completed,
  type StepContext,
  type StepEnv,
  StepError,
  type StepResult,
  stepHandlers,
  toStepError,
  type Waiting,
} from './steps/index.ts';
import { timeLimit, timeoutError, waitAtMost, within } from './time-limits.ts';
import type { Span } from './tracing/span.ts';
import { type Tracer, traceparentFor } from './tracing/tracer.ts';
import type { Turns } from './turns.ts';

/** An attempt that this many workers were lost with has probably killed them: it fails (worker_lost). */
export const MAX_CLAIMS = 5;

/** engine.release raises `fence` by 1,000, so that released tokens are not counted as lost workers. */
const HAND_BACK = 1_000;

/** An attempt as the database checks its lease. */
export type Attempt = Pick<Work, 'app_code' | 'step_run_id' | 'fence'>;
export type SecretsOf = (attempt: Attempt) => (name: string) => Promise<Secret | undefined>;

export interface ExecutorDeps {
  plans: Plans;
  memory: RunMemory;
  /** Expressions of tenants share one thread. */
  turns: Turns;
  /** Measures the time limits of attempts. */
  clock: Clock;
  env: StepEnv;
  outputs: Outputs;
  secretsOf: SecretsOf;
  logs: StepLogs;
  texts?: StepTexts;
  /** Undefined: no traces. */
  tracer?: Tracer | undefined;
  meter?: Pick<Meter, 'record'>;
  /** Called instead of the handler, which is `run`: the test kit answers steps in its place. */
  standIn?: StandIn;
  /** The database services of a step; `key` is the same for every attempt. */
  servicesFor(
    work: Work,
    key: string,
  ): Pick<StepContext, 'queues' | 'runs' | 'usage' | 'functions' | 'callbacks' | 'agentTurns'>;
}

/** `config`: with its templates filled in and the names of secrets. */
export interface StandInCall {
  work: Work;
  type: string;
  config: unknown;
  ctx: StepContext;
}

export type StandIn = (call: StandInCall, run: () => Promise<StepResult>) => Promise<StepResult>;

interface Executed {
  work: Work;
  input: unknown;
  /** Present when the trace is sampled; it is exported when the outcome is written. */
  span?: Span;
}

export type AttemptOutcome = Executed &
  (
    | { kind: 'completed'; result: Completed }
    | { kind: 'waiting'; result: Waiting }
    | { kind: 'failed'; error: StepError }
  );

export async function execute(
  work: Work,
  abort: AbortSignal,
  deps: ExecutorDeps,
): Promise<AttemptOutcome> {
  const { tracer, clock } = deps;
  const startedAt = clock.epoch();
  const began = clock.now();
  const outcome = await perform(work, abort, deps);
  deps.meter?.record(outcome.kind, clock.now() - began);
  if (tracer === undefined) return outcome;
  const span = await spanOf(outcome, startedAt, tracer, deps).catch(() => undefined);
  return span === undefined ? outcome : { ...outcome, span };
}

/** The plan and the facts of the run are in memory, unless the attempt failed before it read them. */
async function spanOf(
  outcome: AttemptOutcome,
  startedAt: number,
  tracer: Tracer,
  { plans, memory }: ExecutorDeps,
): Promise<Span | undefined> {
  const { work } = outcome;
  const [plan, run] = await Promise.all([
    plans.get(work.workflow_version_id),
    memory.facts(work.run_id),
  ]);
  const node = plan.nodes.get(work.step_id);
  const step = node && runnableOf(node, work.item_index)?.step;
  const stepType = step && 'type' in step ? step.type : isTool(work) ? 'tool' : 'step';
  const { workflow, version } = plan;
  return tracer.attempt({ outcome, run, workflow, version, stepType, startedAt });
}

async function perform(
  work: Work,
  abort: AbortSignal,
  deps: ExecutorDeps,
): Promise<AttemptOutcome> {
  let input: unknown;
  try {
    if (work.fence % HAND_BACK > MAX_CLAIMS) {
      throw new StepError(
        'worker_lost',
        `${MAX_CLAIMS} workers were lost while they executed this step`,
      );
    }
    const plan = await deps.plans.get(work.workflow_version_id);
    const node = plan.nodes.get(work.step_id);
    if (!node) throw new StepError('unknown_step', `the version has no node ${work.step_id}`);
    const runnable = isTool(work)
      ? toRunnable((await deps.memory.item(work.step_run_id)) as ToolItem, node)
      : runnableOf(node, work.item_index);
    if (!runnable) throw new StepError('unknown_step', `node ${work.step_id} has no such step`);
    const { step, timeoutMs, component, tools } = runnable;
    if (step instanceof StepError) throw step;

    const leftMs = await timeLeft(work, runnable, deps);
    if (leftMs === 0) throw timeoutError('step');
    const limit = timeLimit(timeoutMs ?? ATTEMPT_TIMEOUT_MS, leftMs);
    const given = await within(limit, deps.clock, abort, async (signal, queueing) => {
      const ctx = await contextOf(work, step, plan, { signal, queueing }, deps);
      if (component) ctx.component = component;
      if (plan.prompts) ctx.prompts = plan.prompts;
      if (tools) ctx.tools = tools;
      if (timeoutMs !== undefined) ctx.timeoutMs = timeoutMs;
      const run = async (resolved: Awaited<ReturnType<typeof step.resolve>>) => {
        input = resolved.stored;
        const { standIn } = deps;
        if (standIn === undefined) return await step.run(resolved, deps.secretsOf(work), ctx);
        const call = { work, type: step.type, config: resolved.stored, ctx };
        return await standIn(call, () => step.run(resolved, deps.secretsOf(work), ctx));
      };
      const inTurn = <T>(evaluate: () => Promise<T>) =>
        deps.turns.run(
          work.app_code,
          () => {
            throwIfAborted(signal);
            return evaluate();
          },
          queueing,
        );
      // A brief step is nothing but expressions. Other steps take a turn for their templates only.
      const result = step.isBrief
        ? await inTurn(async () => run(await step.resolve(ctx)))
        : await run(await inTurn(() => step.resolve(ctx)));
      if (result.kind === 'waiting') return result;
      const output = await deps.outputs.store(work, result.output, signal);
      return output === result.output ? result : { ...result, output };
    });
    if (given.kind === 'waiting') {
      return { kind: 'waiting', work, input, result: waitAtMost(leftMs, given) };
    }
    const result = step.choosesEdges ? chooseHandle(given, node.next) : given;
    if (work.item_index === 0) deps.memory.keepOutput(work.run_id, work.step_id, result.output);
    return { kind: 'completed', work, input, result };
  } catch (error) {
    const failure = toStepError(error);
    logFailure(work, failure, deps.logs);
    return { kind: 'failed', work, input, error: failure };
  }
}

/** A cancelled attempt writes nothing: its run has ended, or the attempt is repeated elsewhere. */
function logFailure(work: Work, error: StepError, logs: StepLogs): void {
  if (error.code === 'cancelled') return;
  const { code, message, retryable, retry_after_ms } = error.toJSON();
  logs.add(work, 'error', `attempt ${work.attempt} failed: ${message}`, {
    code,
    retryable,
    ...(retry_after_ms === undefined ? {} : { retry_after_ms }),
  });
}

/** Below -1: a tool of an agent, or its approval. */
const isTool = ({ item_index: itemIndex }: Work) => itemIndex < -1;

function toRunnable(item: ToolItem, { tools }: CompiledNode): Runnable {
  return {
    ...toolStep(item, tools, stepHandlers),
    timeoutMs: undefined,
    maxElapsedMs: undefined,
    tools: undefined,
  };
}

/** Item index 0 is the step itself, 1 and above its items, -1 its compensation. */
function runnableOf(node: CompiledNode, itemIndex: number): Runnable | undefined {
  if (itemIndex > 0) return node.item;
  return itemIndex < 0 ? (itemIndex === -1 ? node.compensation : undefined) : node;
}

async function contextOf(
  work: Work,
  step: CompiledStep,
  plan: { workflow: string; version: number },
  attempt: Pick<StepContext, 'signal' | 'queueing'>,
  deps: ExecutorDeps,
): Promise<StepContext> {
  const readsNothing = step.reads.length === 0 && !step.usesContext;
  const [facts, item, outputs] = await Promise.all([
    deps.memory.facts(work.run_id),
    work.item_index > 0 ? deps.memory.item(work.step_run_id) : undefined,
    readsNothing
      ? new Map<string, unknown>()
      : deps.memory
          .outputs(work.run_id, step.usesContext ? 'all' : step.reads)
          .then((found) => deps.outputs.load(work.app_code, found, attempt.signal)),
  ]);
  const key = `${work.run_id}:${work.step_id}:${work.item_index}`;
  const { texts } = deps;
  let calls = 0;
  const services = deps.servicesFor(work, key);
  return {
    run: {
      id: work.run_id,
      app_code: work.app_code,
      workflow: plan.workflow,
      version: plan.version,
      trace_id: facts.trace_id,
    },
    stepId: work.step_id,
    attempt: work.attempt,
    // In expressions the items count from 0, as arrays do.
    itemIndex: Math.max(0, work.item_index - 1),
    item,
    idempotencyKey: key,
    stepRunId: work.step_run_id,
    traceparent: () => traceparentFor(work, facts, deps.tracer),
    ...attempt,
    env: deps.env,
    log: (level, message, data) => deps.logs.add(work, level, message, data),
    ...(texts && { texts: { open: () => texts.open(work, calls++) } }),
    ...services,
    agentTurns: withToolOutputs(services.agentTurns, (found) =>
      deps.outputs.load(work.app_code, found, attempt.signal),
    ),
    input: facts.input,
    steps: Object.fromEntries([...outputs].map(([id, output]) => [id, { output }])),
    context: Object.fromEntries(outputs),
  };
}

/** The remaining time of the step for all its attempts; undefined without a limit. */
async function timeLeft(
  work: Work,
  { maxElapsedMs }: Runnable,
  { memory }: ExecutorDeps,
): Promise<number | undefined> {
  if (maxElapsedMs === undefined) return undefined;
  const isFirst = work.attempt === 1 && work.fence === 1;
  return Math.max(0, maxElapsedMs - (isFirst ? 0 : await memory.elapsed(work.step_run_id)));
}
