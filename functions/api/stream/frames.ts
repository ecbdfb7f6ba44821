// A run as server-sent events: a snapshot, then every event after it, in order and without gaps, until the
// run has ended or the stream has reached its time limit. A notification over Redis only ends a wait; the events
// are always read from run_events, by seq, as the caller.
import type { EventPage, Snapshot } from '../queries.ts';

export interface RunSource {
  /** The snapshot for the caller; undefined when the run is not visible, or not any more. */
  snapshot(): Promise<Snapshot | undefined>;
  events(after: number): Promise<EventPage | undefined>;
  /** Returns when there may be new events, or after `ms`. */
  wait(ms: number): Promise<void>;
  /** Whether notifications arrive; otherwise the stream polls more often. */
  isLive(): boolean;
  isClosed(): boolean;
  now(): number;
}

export interface StreamLimits {
  /** When the stream ends; the client reconnects with Last-Event-ID. */
  until: number;
  pollMs: number;
  /** The poll interval while notifications arrive. */
  livePollMs: number;
  heartbeatMs: number;
}

export function frame(event: string, data: unknown, id?: number): string {
  const head = id === undefined ? '' : `id: ${id}\n`;
  return `${head}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** `after`: the Last-Event-ID of a client that reconnects; undefined for a snapshot. */
export async function* runFrames(
  source: RunSource,
  limits: StreamLimits,
  after: number | undefined,
): AsyncGenerator<string> {
  yield 'retry: 1000\n\n';
  let last = after;
  if (last === undefined) {
    const snapshot = await source.snapshot();
    if (snapshot === undefined) return yield gone();
    last = Number(snapshot.run.event_seq);
    yield frame('snapshot', snapshot, last);
  }
  let beat = source.now();
  while (!source.isClosed()) {
    const page = await source.events(last);
    if (page === undefined) return yield gone();
    for (const event of page.events) {
      last = event.seq;
      yield frame(event.type.startsWith('run.') ? 'run' : 'step', event, last);
      beat = source.now();
    }
    // The run has ended, and all events up to the last seq of its row have been sent.
    if (page.ended && last >= page.lastSeq) return yield frame('end', { seq: last });
    if (page.events.length > 0 && last < page.lastSeq) continue;

    const left = limits.until - source.now();
    if (left <= 0) return;
    const poll = source.isLive() ? limits.livePollMs : limits.pollMs;
    const silence = limits.heartbeatMs - (source.now() - beat);
    await source.wait(Math.max(0, Math.min(poll, silence, left)));
    if (source.now() - beat >= limits.heartbeatMs) {
      yield ': still here\n\n';
      beat = source.now();
    }
  }
}

/** The caller may not see the run any more: the membership has ended, or the run was deleted. */
function gone(): string {
  return frame('error', { code: 'not_found', detail: 'You cannot see this run any more' });
}
