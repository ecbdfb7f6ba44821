// One attempt of a step: resolves its config, runs the handler within the time limit, and returns the outcome as the
// history keeps it. executor.ts of the worker does the same with rows of the database.

import { systemClock } from '../../functions/_shared/clock/clock.ts';
import { ATTEMPT_TIMEOUT_MS } from '../../functions/_shared/step-types/define.ts';
import { toStorableJson } from '../../functions/_shared/text/storable.ts';
import type { Work } from '../../functions/worker/engine/types.ts';
import { chooseHandle } from '../../functions/worker/handles.ts';
import { detailsOf, waitOf } from '../../functions/worker/outcomes.ts';
import type { StepEnv } from '../../functions/worker/steps/env.ts';
import { StepError } from '../../functions/worker/steps/errors.ts';
import type { StepContext, StepResult } from '../../functions/worker/steps/types.ts';
import { timeLimit, timeoutError, waitAtMost, within } from '../../functions/worker/time-limits.ts';
import type { ActivityResult, Json, StepFailure } from '../records.ts';
import { isMirrored } from '../runtime/payloads.ts';
import type { AttemptCall } from '../runtime/plan.ts';
import { type Database, MAX_PAYLOAD_BYTES, type NodeFacts } from './database.ts';
import type { ActivityStep } from './step.ts';

/** Temporal refuses a payload of 2 MB. A character has at most three bytes. */
const MAX_RESULT_CHARS = 600_000;

/** Their calls name the row of the attempt. */
const ROW_TYPES = ['service_task', 'ai_agent_task'];
/** The item of a compensation. */
const COMPENSATION = -1;

export interface AttemptHost {
  env: StepEnv;
  database: Database;
  log: StepContext['log'];
  /** The bridge mirrors the run. False in tests that have no database. */
  isMirrored: boolean;
}

export type AttemptOutcome = ActivityResult | { kind: 'failed'; error: StepFailure; input?: Json };

export async function performAttempt(
  step: ActivityStep,
  call: AttemptCall,
  signal: AbortSignal,
  host: AttemptHost,
): Promise<AttemptOutcome> {
  let stored: Json | undefined;
  const withInput = () => (stored === undefined ? {} : { input: stored });
  try {
    const { leftMs } = call;
    if (leftMs === 0) throw timeoutError('step');
    const limit = timeLimit(step.timeoutMs ?? ATTEMPT_TIMEOUT_MS, leftMs);
    const given = await within(limit, systemClock, signal, async (limited, queueing) => {
      const attempt = new Attempt(step, call, { signal: limited, queueing }, host);
      if (call.item === COMPENSATION && host.isMirrored) await attempt.work();
      const ctx = await attempt.context();
      const resolved = await step.compiled.resolve(ctx);
      stored = storedInput(resolved.stored);
      return await attempt.store(await step.compiled.run(resolved, attempt.secrets, ctx));
    });
    if (given.kind === 'waiting') {
      const wait = plain(waitOf(waitAtMost(leftMs, given)));
      assertFits(wait, 'what the step waits with');
      return { kind: 'waiting', wait: wait as WaitOf, ...withInput() };
    }
    const result =
      step.compiled.choosesEdges && step.handles
        ? chooseHandle(
            given,
            step.handles.map((handle) => ({ handle })),
          )
        : given;
    const details = detailsOf(result);
    return {
      kind: 'completed',
      output: plain(result.output),
      ...(result.handle === undefined ? {} : { handle: result.handle }),
      ...(details === undefined ? {} : { details: plain(details) as { [key: string]: Json } }),
      ...withInput(),
    };
  } catch (error) {
    const failure = error instanceof StepError ? error : crashed(error);
    return { kind: 'failed', error: plain(failure) as unknown as StepFailure, ...withInput() };
  }
}

type WaitOf = Extract<ActivityResult, { kind: 'waiting' }>['wait'];

const crashed = (error: unknown) =>
  new StepError('step_crashed', `the step failed unexpectedly: ${messageOf(error)}`, {
    retryable: true,
    cause: error,
  });

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** As the database would return it; undefined and functions are left out. */
const plain = (value: unknown): Json => JSON.parse(toStorableJson(value ?? null)) as Json;

/** The resolved config as the history keeps it: a large one would fill the history with outputs that are elsewhere. */
function storedInput(resolved: unknown): Json {
  const json = toStorableJson(resolved ?? null);
  const size = Buffer.byteLength(json);
  return size > MAX_PAYLOAD_BYTES ? { $stepbase: 'omitted', size } : (JSON.parse(json) as Json);
}

function assertFits(value: unknown, what: string): void {
  const chars = (JSON.stringify(value) ?? '').length;
  if (chars <= MAX_RESULT_CHARS) return;
  throw new StepError(
    'output_too_large',
    `${what} has ${chars} characters; a message of Temporal has at most ${MAX_RESULT_CHARS}`,
  );
}

/** The context of one attempt; what needs its row asks for it once. */
class Attempt {
  readonly #step: ActivityStep;
  readonly #call: AttemptCall;
  readonly #limits: Pick<StepContext, 'signal' | 'queueing'>;
  readonly #host: AttemptHost;
  readonly #key: string;
  #entered: Promise<Work> | undefined;

  constructor(
    step: ActivityStep,
    call: AttemptCall,
    limits: Pick<StepContext, 'signal' | 'queueing'>,
    host: AttemptHost,
  ) {
    this.#step = step;
    this.#call = call;
    this.#limits = limits;
    this.#host = host;
    this.#key = `${call.run.id}:${call.node}:${call.item}`;
  }

  /** The time until the bridge has written the row does not count for the limit. */
  readonly work = (): Promise<Work> => {
    const { signal, queueing } = this.#limits;
    this.#entered ??= queueing(this.#host.database.enter(this.#call, signal));
    return this.#entered;
  };

  readonly secrets: Parameters<ActivityStep['compiled']['run']>[1] = (name) =>
    this.#host.database.secretsOf(this.#unread(), this.work)(name);

  async store(result: StepResult): Promise<StepResult> {
    if (result.kind === 'waiting') return result;
    const outputs = this.#host.database.outputs(this.work);
    const output = await outputs.store(this.#unread(), result.output, this.#limits.signal);
    assertFits(output, 'the output');
    return output === result.output ? result : { ...result, output };
  }

  /** An attempt whose row was not read yet; `work` reads it when the output has to be stored. */
  #unread(): Work {
    const { run, node, item, attempt } = this.#call;
    return {
      job_id: '',
      run_id: run.id,
      app_code: run.app_code,
      workflow_version_id: run.workflow_version_id,
      step_run_id: this.#key,
      step_id: node,
      item_index: item,
      attempt,
      fence: 0,
    };
  }

  async context(): Promise<StepContext> {
    const { run, node, attempt, item, element, input, now, seed } = this.#call;
    const { database, env, log } = this.#host;
    const given = await this.#outputs();
    const [row, outputs, facts] = await Promise.all([
      ROW_TYPES.includes(this.#step.compiled.type) ? this.work() : undefined,
      database.outputs(this.work).load(run.app_code, given, this.#limits.signal),
      this.#step.readsPlan ? database.facts(run.workflow_version_id, this.#call) : undefined,
    ]);
    const { timeoutMs } = this.#step;
    return {
      run: {
        id: run.id,
        app_code: run.app_code,
        workflow: run.workflow,
        version: run.version,
        trace_id: run.trace_id,
      },
      stepId: node,
      attempt,
      itemIndex: Math.max(0, item - 1),
      item: element,
      moment: { now, random: randomFrom(seed) },
      idempotencyKey: this.#key,
      stepRunId: row?.step_run_id ?? this.#key,
      ...(run.traceparent === undefined ? {} : { traceparent: () => run.traceparent }),
      ...this.#limits,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      env,
      log,
      ...this.#services(),
      ...ofComponent(facts, item),
      input: input ?? {},
      steps: Object.fromEntries([...outputs].map(([id, output]) => [id, { output }])),
      context: Object.fromEntries(outputs),
    };
  }

  /** The outputs that the config reads, large ones from the database. */
  async #outputs(): Promise<Map<string, unknown>> {
    const given = new Map<string, unknown>(Object.entries(this.#call.outputs));
    const large = [...given].filter(([, output]) => isMirrored(output)).map(([node]) => node);
    if (large.length === 0) return given;
    await this.work();
    const found = await this.#host.database.mirrored(this.#call.run.id, large);
    for (const [node, output] of found) given.set(node, output);
    return given;
  }

  /** Each service reads the row of the attempt before its first call. */
  #services() {
    const entered = async () => this.#host.database.services(await this.work(), this.#key);
    return {
      queues: {
        push: async (...args) => (await entered()).queues.push(...args),
        pop: async (...args) => (await entered()).queues.pop(...args),
      },
      runs: {
        signal: async (...args) => (await entered()).runs.signal(...args),
        query: async (...args) => (await entered()).runs.query(...args),
      },
      usage: {
        countLlmCall: async (...args) => (await entered()).usage.countLlmCall(...args),
        countTokens: async (...args) => (await entered()).usage.countTokens(...args),
        countMails: async (...args) => (await entered()).usage.countMails(...args),
      },
      functions: { call: async (...args) => (await entered()).functions.call(...args) },
      callbacks: { open: async (...args) => (await entered()).callbacks.open(...args) },
      agentTurns: {
        load: async () => (await entered()).agentTurns.load(),
        store: async (...args) => (await entered()).agentTurns.store(...args),
      },
    } satisfies Partial<StepContext>;
  }
}

function ofComponent(facts: NodeFacts | undefined, item: number): Partial<StepContext> {
  if (facts?.node === undefined) return {};
  const component = item === -1 ? facts.node.undo_component : facts.node.component;
  const { tools } = facts.node;
  return {
    ...(component ? { component } : {}),
    ...(tools ? { tools } : {}),
    ...(facts.prompts ? { prompts: facts.prompts } : {}),
  };
}

/** mulberry32: the same numbers for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
