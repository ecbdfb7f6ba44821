// The turns of a step in the database. Outputs of tools that are in Supabase Storage stand in place of their references.

import type { Engine } from '../engine/engine.ts';
import type { Outputs } from '../outputs/outputs.ts';
import { asLeaseLost } from '../secrets.ts';
import { resultText } from './conversation.ts';
import type { AgentTurns, StoredCall, StoredTurn } from './types.ts';

export function createAgentTurns(
  engine: Pick<Engine, 'loadAgentTurns' | 'storeAgentTurn'>,
  { step_run_id: stepRunId, fence }: { step_run_id: string; fence: number },
): AgentTurns {
  return {
    load: () => engine.loadAgentTurns(stepRunId),
    store: (turn) => engine.storeAgentTurn(stepRunId, fence, turn).catch(asLeaseLost),
  };
}

/** Characters of all results of an agent; later results are left out. */
const ALL_RESULTS_CHARS = 8_000_000;
const LEFT_OUT = '(left out: the results of all tools are too long)';

/** Shortens each result as soon as it is read: together, those of an agent may be larger than a worker's memory. */
export function withToolOutputs(
  turns: AgentTurns,
  load: (outputs: Map<string, unknown>) => ReturnType<Outputs['load']>,
): AgentTurns {
  async function textOf(output: unknown, limit: number): Promise<string> {
    if (limit <= 0) return LEFT_OUT;
    const loaded = await load(new Map([['output', output]]));
    return resultText(loaded.get('output'));
  }
  return {
    store: turns.store,
    async load() {
      const stored: StoredTurn[] = [];
      let left = ALL_RESULTS_CHARS;
      for (const turn of await turns.load()) {
        const calls: StoredCall[] = [];
        for (const call of turn.calls) {
          if (call.status !== 'completed') {
            calls.push(call);
            continue;
          }
          const output = await textOf(call.output, left);
          left -= output.length;
          calls.push({ ...call, output });
        }
        stored.push({ ...turn, calls });
      }
      return stored;
    },
  };
}
