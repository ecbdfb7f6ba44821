// A cache of the runs in flight: their input and the outputs that this worker has produced or read. Neither
// ever changes, so no entry can be stale. A run leaves the cache with its last branch on this worker, which bounds
// the memory by the steps in flight.

import { parseJson } from '../_shared/text/json-numbers.ts';
import { storableJson, storableText } from '../_shared/text/storable.ts';
import type { Engine, RunFacts } from './engine/engine.ts';
import { createLoader } from './loader.ts';

/** A larger output is read from the database when a later step needs it. */
const KEPT_OUTPUT_CHARS = 64 * 1024;

interface CachedRun {
  branches: number;
  facts: Promise<RunFacts> | undefined;
  outputs: Map<string, unknown>;
}

export interface RunMemory {
  /** This worker executes one more branch of the run. */
  retain(runId: string): void;
  /** One branch less; the run is forgotten with the last one. */
  release(runId: string): void;
  facts(runId: string): Promise<RunFacts>;
  /** Stores facts that came with the token, which saves a query. */
  keepFacts(facts: RunFacts): void;
  /** The list element of a for_each item. */
  item(stepRunId: string): Promise<unknown>;
  /** How many milliseconds ago the first attempt of this step started. */
  elapsed(stepRunId: string): Promise<number>;
  /** Caches an output before it is committed. Call `forgetOutputs` if the commit is rejected. */
  keepOutput(runId: string, stepId: string, output: unknown): void;
  /** Whether the output is cached; a large output, or one of another worker, may not be. */
  hasOutput(runId: string, stepId: string): boolean;
  forgetOutputs(runId: string): void;
  /** The named outputs that exist; 'all' reads every output of the run. */
  outputs(runId: string, stepIds: readonly string[] | 'all'): Promise<Map<string, unknown>>;
  readonly size: number;
}

/** The output as the database would return it; undefined when it is too large for the cache. */
function asStored(output: unknown): unknown {
  if (output === undefined || output === null) return null;
  if (typeof output === 'number' || typeof output === 'boolean') return output;
  if (typeof output === 'string') {
    return output.length <= KEPT_OUTPUT_CHARS ? storableText(output) : undefined;
  }
  const json = JSON.stringify(output) ?? 'null';
  if (json.length > KEPT_OUTPUT_CHARS) return undefined;
  const stored = storableJson(json);
  return stored === json ? output : parseJson(stored);
}

export function createRunMemory(
  engine: Pick<Engine, 'loadRuns' | 'loadItems' | 'loadElapsed' | 'loadOutputs'>,
): RunMemory {
  const runs = new Map<string, CachedRun>();

  const factsLoader = createLoader<string, RunFacts>(async (ids) => {
    const byId = new Map((await engine.loadRuns([...new Set(ids)])).map((r) => [r.run_id, r]));
    return ids.map((id) => {
      const facts = byId.get(id);
      if (!facts) throw new Error(`run ${id} does not exist any more`);
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

  function cachedRun(runId: string): CachedRun {
    let run = runs.get(runId);
    if (!run) {
      run = { branches: 0, facts: undefined, outputs: new Map() };
      runs.set(runId, run);
    }
    return run;
  }

  return {
    retain(runId) {
      cachedRun(runId).branches += 1;
    },
    release(runId) {
      const run = runs.get(runId);
      if (!run) return;
      run.branches -= 1;
      if (run.branches <= 0) runs.delete(runId);
    },
    facts(runId) {
      const run = cachedRun(runId);
      if (!run.facts) {
        run.facts = factsLoader.load(runId);
        // A failed load is not cached: the next caller asks the database again.
        run.facts.catch(() => {
          run.facts = undefined;
        });
      }
      return run.facts;
    },
    keepFacts(facts) {
      cachedRun(facts.run_id).facts = Promise.resolve(facts);
    },
    item: (stepRunId) => itemLoader.load(stepRunId),
    elapsed: (stepRunId) => elapsedLoader.load(stepRunId),
    keepOutput(runId, stepId, output) {
      const stored = asStored(output);
      if (stored !== undefined) runs.get(runId)?.outputs.set(stepId, stored);
    },
    hasOutput: (runId, stepId) => runs.get(runId)?.outputs.has(stepId) ?? false,
    forgetOutputs: (runId) => runs.get(runId)?.outputs.clear(),
    async outputs(runId, stepIds) {
      const run = cachedRun(runId);
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
