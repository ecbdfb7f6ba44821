// The runs of the application, as they start and end.
import { setTimeout as pause } from 'node:timers/promises';
import type { RunSummary } from '../../../sdk/src/index.ts';
import { cliError } from '../errors.ts';
import type { Server } from '../server.ts';

const INTERVAL_MS = 2_000;
const SHOWN = 50;

export type TailedRun = RunSummary & { workflow: string | null };

/** Reports each run whose status changes from now on; ends with the signal. */
export async function tailRuns(
  server: Server,
  signal: AbortSignal,
  report: (run: TailedRun) => void,
  complain: (message: string) => void,
): Promise<void> {
  let known: Map<string, string> | undefined;
  let complaint = '';
  while (!signal.aborted) {
    try {
      const runs = await server.list<TailedRun>('/v1/runs', {}, SHOWN);
      for (const run of runs.toReversed()) {
        if (known !== undefined && known.get(run.id) !== run.status) report(run);
      }
      // Older runs than those of the list have mostly ended.
      known = new Map([...(known ?? []), ...runs.map(({ id, status }) => [id, status] as const)]);
      complaint = '';
    } catch (error) {
      const { message } = cliError(error);
      if (message !== complaint) complain(message);
      complaint = message;
    }
    await pause(INTERVAL_MS, undefined, { signal }).catch(() => undefined);
  }
}
