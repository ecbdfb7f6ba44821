// The turns of a step in the database. Outputs of tools that are in Supabase Storage stand in place of their references.

import type { Engine } from '../engine/engine.ts';
import type { Outputs } from '../outputs/outputs.ts';
import { asLeaseLost } from '../secrets.ts';
import type { AgentTurns } from './types.ts';

export function createAgentTurns(
  engine: Pick<Engine, 'loadAgentTurns' | 'storeAgentTurn'>,
  { step_run_id: stepRunId, fence }: { step_run_id: string; fence: number },
): AgentTurns {
  return {
    load: () => engine.loadAgentTurns(stepRunId),
    store: (turn) => engine.storeAgentTurn(stepRunId, fence, turn).catch(asLeaseLost),
  };
}

export function withToolOutputs(
  turns: AgentTurns,
  load: (outputs: Map<string, unknown>) => ReturnType<Outputs['load']>,
): AgentTurns {
  return {
    store: turns.store,
    async load() {
      const stored = await turns.load();
      const keyOf = (turn: number, index: number) => `${turn}:${index}`;
      const given = new Map<string, unknown>();
      for (const { turn, calls } of stored) {
        for (const [index, { status, output }] of calls.entries()) {
          if (status === 'completed') given.set(keyOf(turn, index), output);
        }
      }
      if (given.size === 0) return stored;
      const outputs = await load(given);
      return stored.map((turn) => ({
        ...turn,
        calls: turn.calls.map((call, index) => ({
          ...call,
          output: outputs.get(keyOf(turn.turn, index)) ?? call.output,
        })),
      }));
    },
  };
}
