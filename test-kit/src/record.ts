// Records a run of an application for a fixture.

import { hasEnded } from '../../sdk/src/rows.ts';
import type { RecordableRun, Recording } from './api.ts';

/** Reads a run that has ended, through the SDK, for a fixture. */
export async function recordRun(run: RecordableRun): Promise<Recording> {
  const [row, steps] = await Promise.all([run.get(), run.steps()]);
  if (!hasEnded(row.status)) throw new Error(`the run ${row.id} has not ended yet`);
  return {
    run: { status: row.status, input: row.input, error: row.error },
    steps: steps
      .toSorted((a, b) => a.attempt - b.attempt)
      .map((step) => ({
        step_id: step.step_id,
        step_type: step.step_type,
        item_index: step.item_index,
        attempt: step.attempt,
        status: step.status,
        handle: step.handle,
        output: step.output,
        error: step.error,
        completed_at: step.completed_at,
      })),
  };
}
