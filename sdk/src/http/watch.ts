// The events of a run over server-sent events: each event once and in order. A stream that ends, breaks or skips an
// event is opened again after the last one that was passed on.
import { errorOf, isErrorCode, StepbaseError } from '../errors/errors.ts';
import { createPatience } from '../retry.ts';
import type { RunEvent } from '../rows.ts';
import { backoffMs, pause } from '../time.ts';
import { type Api, segment } from './api.ts';
import { readServerEvents } from './event-stream.ts';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;
const ANSWER_MS = 45_000;

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
      const { body, headers } = await api.send({
        method: 'GET',
        path: `/v1/runs/${segment(runId)}/events`,
        headers: { accept: 'text/event-stream', 'last-event-id': String(last) },
        signal,
        answerMs: ANSWER_MS,
      });
      if (body === null || !headers.get('content-type')?.startsWith('text/event-stream')) {
        await body?.cancel().catch(() => undefined);
        throw new StepbaseError('invalid_response', 'The answer is not a stream of events');
      }
      patience.answered();
      for await (const { event, data } of readServerEvents(body)) {
        if (event === 'end') return;
        if (event === 'error') throw refusalOf(data);
        if (event !== 'run' && event !== 'step') continue;
        const found = jsonOf<RunEvent>(data);
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
  const { code, detail } = jsonOf<{ code?: unknown; detail?: unknown }>(data);
  return errorOf(isErrorCode(code) ? code : 'not_found', String(detail));
}

function jsonOf<T>(data: string): T {
  try {
    return JSON.parse(data) as T;
  } catch (error) {
    const message = 'An event of the stream is not JSON';
    throw new StepbaseError('invalid_response', message, { cause: error });
  }
}
