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

/** Shortens each result as soon as it is read: together, those of an agent may be larger than a worker's memory. */
export function withToolOutputs(
  turns: AgentTurns,
  load: (outputs: Map<string, unknown>) => ReturnType<Outputs['load']>,
): AgentTurns {
  async function read(call: StoredCall): Promise<StoredCall> {
    if (call.status !== 'completed') return call;
    const loaded = await load(new Map([['output', call.output]]));
    return { ...call, output: resultText(loaded.get('output')) };
  }
  return {
    store: turns.store,
    async load() {
      const stored: StoredTurn[] = [];
      for (const turn of await turns.load()) {
        const calls: StoredCall[] = [];
        for (const call of turn.calls) calls.push(await read(call));
        stored.push({ ...turn, calls });
      }
      return stored;
    },
  };
}
