// GET /v1/runs/:id/events: opens the stream of one run for one caller.
import type { Context } from 'hono';
import { asCaller } from '../../_shared/auth/index.ts';
import { AppError } from '../../_shared/errors/index.ts';
import { runChannel } from '../../_shared/redis/bus.ts';
import type { ApiEnv, Deps } from '../deps.ts';
import { maxStreams, readEvents, readRun } from '../queries.ts';
import { eventStream } from './body.ts';
import { type RunSource, runFrames } from './frames.ts';
import { Wakeup } from './wakeup.ts';

const POLL_MS = 1_000;
const LIVE_POLL_MS = 5_000;
const HEARTBEAT_MS = 15_000;

/** Last-Event-ID of a client that reconnects, or `?after=` for clients that cannot set headers. */
function resumeFrom(c: Context<ApiEnv>): number | undefined {
  const given = c.req.header('last-event-id') ?? c.req.query('after');
  if (given === undefined || given === '') return undefined;
  const seq = Number(given);
  if (Number.isSafeInteger(seq) && seq >= 0) return seq;
  throw new AppError('invalid_request', 'Last-Event-ID must be the id of an event, a number');
}

export async function streamRun(c: Context<ApiEnv>, deps: Deps, runId: string): Promise<Response> {
  const { db, bus, clock, settings, streams } = deps;
  const { member } = c.var;
  const after = resumeFrom(c);
  // Checked before the response starts, so that a caller without access gets 404 instead of an open stream.
  const { visible, limit } = await asCaller(db, member, async (query) => ({
    visible: await readEvents(query, runId, 0),
    limit: await maxStreams(query),
  }));
  if (visible === undefined) throw new AppError('not_found', 'The run does not exist');
  const uncount = streams.open(member.appCode ?? '', limit);

  const wakeup = new Wakeup(clock);
  let closed = false;
  const ring = () => wakeup.ring();
  const subscription = bus.subscribe(runChannel(runId), ring, ring);
  const end = () => {
    if (closed) return;
    closed = true;
    uncount();
    subscription.close();
    wakeup.ring();
  };

  const source: RunSource = {
    snapshot: () => asCaller(db, member, (query) => readRun(query, runId)),
    events: (seq) => asCaller(db, member, (query) => readEvents(query, runId, seq)),
    wait: (ms) => wakeup.wait(ms),
    isLive: () => subscription.live,
    isClosed: () => closed,
    now: () => clock.epoch(),
  };
  // The stream ends when the token expires: the client reconnects with a new token.
  const expiry = member.kind === 'user' ? member.expiresAt * 1000 : Number.POSITIVE_INFINITY;
  const until = Math.min(clock.epoch() + settings.streamSeconds * 1000, expiry);
  const limits = { until, pollMs: POLL_MS, livePollMs: LIVE_POLL_MS, heartbeatMs: HEARTBEAT_MS };
  const frames = runFrames(source, limits, after);

  const body = eventStream(frames, {
    signal: c.req.raw.signal,
    isClosed: () => closed,
    end,
    onError: (error) =>
      c.var.log.warn('an event stream failed; its client reconnects', { run_id: runId, error }),
  });
  return c.body(body, 200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
}
