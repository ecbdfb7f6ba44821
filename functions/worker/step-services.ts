// The database services for a running step: use work queues, signal and query other runs, call functions, and
// make tokens for callbacks. Each call is a transaction with the key of the step, so that a repeated call has no effect.

import { createAgentTurns } from './agents/turns.ts';
import type { Engine } from './engine/engine.ts';
import type { FunctionCalls } from './engine/function-calls.ts';
import type { ExecutorDeps } from './executor.ts';
import { asLeaseLost } from './secrets.ts';

/** `relay`: a run may be waiting for the item or the signal that was just written. */
export function createStepServices(
  engine: Engine,
  functions: FunctionCalls,
  relay: () => void,
): ExecutorDeps['servicesFor'] {
  async function thenRelay<T>(call: Promise<T>): Promise<T> {
    const result = await call;
    relay();
    return result;
  }
  return ({ run_id: runId, step_run_id: stepRunId, fence }, key) => ({
    queues: {
      push: (queue, item, priority) =>
        thenRelay(engine.pushItem({ runId, key, queue }, item, priority)),
      pop: (queue) => engine.popItem({ runId, key, queue }),
    },
    // The function may change a table that starts runs.
    functions: { call: (call) => thenRelay(functions.call(runId, key, call)) },
    callbacks: {
      open: (request) => engine.openCallback(stepRunId, fence, request).catch(asLeaseLost),
    },
    agentTurns: createAgentTurns(engine, { step_run_id: stepRunId, fence }),
    usage: {
      countLlmCall: (model) => engine.countUse(runId, { llmCalls: 1, model }),
      countTokens: (use) => engine.countTokens(runId, use),
      countMails: (mails) => engine.countUse(runId, { mails }),
    },
    runs: {
      signal: (run, name, payload) =>
        thenRelay(engine.sendSignal({ runId, key, run }, name, payload)),
      query: (run, name) => engine.queryRun({ runId, key, run }, name),
    },
  });
}
