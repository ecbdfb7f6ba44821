// The events of a run for a user: each event once and in order. Messages of the private channel tell when to read; the
// events are read from the database by their seq, so a lost message or a cut socket loses none.
import { errorOf } from '../errors/errors.ts';
import { followRun } from '../live/follow.ts';
import { createPatience } from '../retry.ts';
import { hasEnded, type RunEvent } from '../rows.ts';
import { EventQueue } from './event-queue.ts';
import type { Rest, SupabaseLike } from './like.ts';
import { ask } from './rest.ts';

const PAGE = 500;
/** While messages arrive, only a lost one needs it. */
const POLL_MS = 10_000;
/** While the channel is not joined. */
const APART_POLL_MS = 1_000;
const RETRY_MS = 25;
const MISSING_READS = 8;

interface Row extends Omit<RunEvent, 'type' | 'at'> {
  event_type: string;
  created_at: string;
}

/** The events after `seq`, at most a page. */
async function readEvents(
  rest: Rest,
  runId: string,
  seq: number,
  signal: AbortSignal,
): Promise<RunEvent[]> {
  const rows = await ask<Row[]>(
    rest
      .from('run_events')
      .select('seq,run_id,event_type,step_id,item_index,attempt,payload,created_at')
      .eq('run_id', runId)
      .gt('seq', seq)
      .order('seq')
      .limit(PAGE),
    signal,
  );
  return rows.map(({ event_type, created_at, ...event }) => ({
    ...event,
    type: event_type,
    at: created_at,
  }));
}

async function readState(rest: Rest, runId: string, signal: AbortSignal) {
  const [run] = await ask<{ status: string; event_seq: number }[]>(
    rest.from('runs').select('status,event_seq').eq('id', runId),
    signal,
  );
  if (run === undefined) throw errorOf('not_found', `There is no run ${runId}`);
  return { ended: hasEnded(run.status), seq: run.event_seq };
}

export async function* watchRows(
  client: SupabaseLike,
  rest: Rest,
  runId: string,
  { after, pollMs = POLL_MS }: { after: number; pollMs?: number | undefined },
  signal: AbortSignal,
): AsyncGenerator<RunEvent, void, undefined> {
  const queue = new EventQueue(after, PAGE);
  const stop = new AbortController();
  const patience = createPatience();
  let missing = 0;
  const reading = AbortSignal.any([signal, stop.signal]);

  /** Reads what is missing; the queue is closed when the run has ended and all its events are in it. */
  async function load(): Promise<{ seq: number }> {
    const state = await readState(rest, runId, reading);
    patience.answered();
    while (queue.last < state.seq) {
      await queue.room(reading);
      const events = await readEvents(rest, runId, queue.last, reading);
      if (events.length === 0) {
        missing += 1;
        // A replica can be behind; events that were deleted are never found.
        const code = missing > MISSING_READS ? 'not_found' : 'unavailable';
        throw errorOf(code, `Event ${queue.last + 1} of the run ${runId} cannot be read`);
      }
      missing = 0;
      for (const event of events) queue.push(event);
    }
    if (state.ended) queue.close();
    return { seq: queue.last };
  }

  const leave = followRun(client, runId, {
    load,
    onChange: () => undefined,
    onError(error) {
      if (patience.endures(error)) return 'again';
      queue.fail(error);
      return undefined;
    },
    gatherMs: 0,
    retryMs: RETRY_MS,
    apartPollMs: Math.min(APART_POLL_MS, pollMs),
    poll: { everyMs: pollMs, isWanted: () => true },
  });
  try {
    for (;;) {
      const event = await queue.next(signal);
      if (event === undefined) return;
      yield event;
    }
  } finally {
    stop.abort();
    leave();
  }
}
