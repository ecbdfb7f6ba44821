// `Prefer: wait=N` (RFC 7240): the answer about a run waits until the run has ended, at most N seconds.
import type { Context } from 'hono';
import { asCaller } from '../_shared/auth/index.ts';
import { runChannel } from '../_shared/redis/bus.ts';
import type { ApiEnv, Deps } from './deps.ts';
import { maxStreams } from './queries.ts';
import { hasEnded } from './run-queries.ts';
import { Wakeup } from './stream/wakeup.ts';

/** Below the time after which the platform ends an idle request. */
export const MAX_WAIT_SECONDS = 60;
const POLL_MS = 500;
const LIVE_POLL_MS = 5_000;

export const PREFER_HEADER = {
  Prefer: `\`wait=N\` delays the answer until the run has ended, at most N seconds (up to ${MAX_WAIT_SECONDS}). \`Preference-Applied\` states the time that was granted. A run that has not ended then is returned as it is.`,
};
export const PREFER_REPLY = {
  'Preference-Applied': 'The `wait` that was granted; only with `Prefer: wait`.',
};

/** The seconds to wait; undefined without the preference. An unknown preference has no effect (RFC 7240). */
export function readWait(c: Context<ApiEnv>): number | undefined {
  const wait = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,9})"?(?=$|[,;\s])/i.exec(
    c.req.header('prefer') ?? '',
  );
  return wait?.[1] === undefined ? undefined : Math.min(Number(wait[1]), MAX_WAIT_SECONDS);
}

/** Returns when the run has ended, is not visible any more, the client has left, or the time is over. */
export async function waitForEnd(
  c: Context<ApiEnv>,
  deps: Deps,
  runId: string,
  seconds: number,
): Promise<void> {
  const { db, bus, clock, streams } = deps;
  const { member } = c.var;
  const ended = () => asCaller(db, member, (query) => hasEnded(query, runId));
  if (seconds === 0 || (await ended())) return;
  const limit = await asCaller(db, member, maxStreams);
  // A waiting request holds as much as an open stream does, so the same limit applies.
  const uncount = streams.open(member.appCode ?? '', limit);
  const wakeup = new Wakeup(clock);
  const ring = () => wakeup.ring();
  const subscription = bus.subscribe(runChannel(runId), ring, ring);
  const { signal } = c.req.raw;
  signal.addEventListener('abort', ring, { once: true });
  try {
    const until = clock.epoch() + seconds * 1000;
    while (!signal.aborted && !(await ended())) {
      const left = until - clock.epoch();
      if (left <= 0) return;
      await wakeup.wait(Math.min(left, subscription.live ? LIVE_POLL_MS : POLL_MS));
    }
  } finally {
    signal.removeEventListener('abort', ring);
    subscription.close();
    uncount();
  }
}
