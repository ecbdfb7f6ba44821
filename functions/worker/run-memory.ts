// What this worker remembers of the runs it carries: their input and the outputs of steps it
// executed or already read. Both never change, so nothing here can be stale; a run is forgotten as
// soon as the worker carries no branch of it, which bounds the memory by the steps in flight.

import { storableJson, storableText } from '../_shared/text/storable.ts';
import type { Engine, RunFacts } from './engine/engine.ts';
import { createLoader } from './loader.ts';

/** Larger outputs are read again when a later step needs them. */
const KEPT_OUTPUT_CHARS = 64 * 1024;

interface Remembered {
  branches: number;
  facts: Promise<RunFacts> | undefined;
  outputs: Map<string, unknown>;
  complete: boolean;
}

export interface RunMemory {
  enter(runId: string): void;
  leave(runId: string): void;
  facts(runId: string): Promise<RunFacts>;
  /** What its token says of a run need not be asked. */
  keepFacts(facts: RunFacts): void;
  /** The list element that an item of a for_each works on. */
  item(stepRunId: string): Promise<unknown>;
  /** How many milliseconds ago the first attempt of this step began. */
  elapsed(stepRunId: string): Promise<number>;
  /** Before it is written: whoever hears that it was refused says forgetOutputs. */
  keepOutput(runId: string, stepId: string, output: unknown): void;
  /** Whether the output is known here already: one that was too large, or is none of this worker's, is not. */
  keeps(runId: string, stepId: string): boolean;
  forgetOutputs(runId: string): void;
  /** The named outputs that exist; 'all' reads every output of the run. */
  outputs(runId: string, stepIds: readonly string[] | 'all'): Promise<Map<string, unknown>>;
  readonly size: number;
}

/** What whoever reads the output from the database would get; undefined when it is too large to be kept. */
function asStored(output: unknown): unknown {
  if (output === undefined || output === null) return null;
  if (typeof output === 'number' || typeof output === 'boolean') return output;
  if (typeof output === 'string') {
    return output.length <= KEPT_OUTPUT_CHARS ? storableText(output) : undefined;
  }
  const json = JSON.stringify(output) ?? 'null';
  if (json.length > KEPT_OUTPUT_CHARS) return undefined;
  const stored = storableJson(json);
  return stored === json ? output : JSON.parse(stored);
}

export function createRunMemory(engine: Engine): RunMemory {
  const runs = new Map<string, Remembered>();

  const factsLoader = createLoader<string, RunFacts>(async (ids) => {
    const byId = new Map((await engine.loadRuns([...new Set(ids)])).map((r) => [r.run_id, r]));
    return ids.map((id) => {
      const facts = byId.get(id);
      if (!facts) throw new Error(`run ${id} is gone`);
      return facts;
    });
  });

  const itemLoader = createLoader<string, unknown>(async (ids) => {
    const byId = new Map((await engine.loadItems(ids)).map((i) => [i.step_run_id, i.item]));
    return ids.map((id) => byId.get(id));
  });

  const elapsedLoader = createLoader<string, number>(async (ids) => {
    const byId = new Map(
      (await engine.loadElapsed(ids)).map((step) => [step.step_run_id, step.elapsed_ms]),
    );
    return ids.map((id) => byId.get(id) ?? 0);
  });

  const outputLoader = createLoader<{ runId: string; stepId: string | null }, Map<string, unknown>>(
    async (pairs) => {
      const found = await engine.loadOutputs(pairs);
      return pairs.map(
        (pair) =>
          new Map(
            found
              .filter((f) => f.run_id === pair.runId)
              .filter((f) => pair.stepId === null || f.step_id === pair.stepId)
              .map((f) => [f.step_id, f.output]),
          ),
      );
    },
    100,
  );

  function remembered(runId: string): Remembered {
    let run = runs.get(runId);
    if (!run) {
      run = { branches: 0, facts: undefined, outputs: new Map(), complete: false };
      runs.set(runId, run);
    }
    return run;
  }

  return {
    enter(runId) {
      remembered(runId).branches += 1;
    },
    leave(runId) {
      const run = runs.get(runId);
      if (!run) return;
      run.branches -= 1;
      if (run.branches <= 0) runs.delete(runId);
    },
    facts(runId) {
      const run = remembered(runId);
      if (!run.facts) {
        run.facts = factsLoader.load(runId);
        // Not found out is not known: whoever asks next asks the database again.
        run.facts.catch(() => {
          run.facts = undefined;
        });
      }
      return run.facts;
    },
    keepFacts(facts) {
      remembered(facts.run_id).facts = Promise.resolve(facts);
    },
    item: (stepRunId) => itemLoader.load(stepRunId),
    elapsed: (stepRunId) => elapsedLoader.load(stepRunId),
    keepOutput(runId, stepId, output) {
      const stored = asStored(output);
      if (stored !== undefined) runs.get(runId)?.outputs.set(stepId, stored);
    },
    keeps: (runId, stepId) => runs.get(runId)?.outputs.has(stepId) ?? false,
    forgetOutputs: (runId) => runs.get(runId)?.outputs.clear(),
    async outputs(runId, stepIds) {
      const run = remembered(runId);
      if (stepIds === 'all') return outputLoader.load({ runId, stepId: null });
      const result = new Map<string, unknown>();
      const missing: string[] = [];
      for (const stepId of stepIds) {
        if (run.outputs.has(stepId)) result.set(stepId, run.outputs.get(stepId));
        else missing.push(stepId);
      }
      const loaded = await Promise.all(
        missing.map((stepId) => outputLoader.load({ runId, stepId })),
      );
      for (const outputs of loaded) {
        for (const [stepId, output] of outputs) {
          result.set(stepId, output);
          run.outputs.set(stepId, output);
        }
      }
      return result;
    },
    get size() {
      return runs.size;
    },
  };
}
