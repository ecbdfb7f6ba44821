// The events of a run over server-sent events: each event once and in order. A stream that ends, breaks or skips an
// event is opened again after the last one that was passed on.
import { errorOf, isErrorCode, StepbaseError } from '../errors/errors.ts';
import { createPatience } from '../retry.ts';
import type { RunEvent } from '../rows.ts';
import { backoffMs, pause } from '../time.ts';
import type { Api } from './api.ts';
import { readServerEvents } from './event-stream.ts';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;

export async function* watchEvents(
  api: Api,
  runId: string,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<RunEvent, void, undefined> {
  const patience = createPatience();
  let last = after;
  let failures = 0;
  for (;;) {
    let wait: number | undefined;
    try {
      const { body } = await api.send({
        method: 'GET',
        path: `/v1/runs/${encodeURIComponent(runId)}/events`,
        headers: { accept: 'text/event-stream', 'last-event-id': String(last) },
        signal,
      });
      patience.answered();
      if (body === null) throw new StepbaseError('invalid_response', 'The stream has no body');
      for await (const { event, data } of readServerEvents(body)) {
        if (event === 'end') return;
        if (event === 'error') throw refusalOf(data);
        if (event !== 'run' && event !== 'step') continue;
        const found = JSON.parse(data) as RunEvent;
        if (found.seq <= last) continue;
        if (found.seq > last + 1) break;
        last = found.seq;
        failures = 0;
        yield found;
      }
    } catch (error) {
      signal.throwIfAborted();
      if (!patience.endures(error)) throw error;
      wait = error.retryAfterMs;
    }
    await pause(wait ?? backoffMs(FIRST_PAUSE_MS, failures, LONGEST_PAUSE_MS), signal);
    failures += 1;
  }
}

/** The caller may not see the run any more. */
function refusalOf(data: string): StepbaseError {
  const { code, detail } = JSON.parse(data) as { code?: unknown; detail?: unknown };
  return errorOf(isErrorCode(code) ? code : 'not_found', String(detail));
}
