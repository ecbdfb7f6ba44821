// Announcements to watchers outside of Realtime: "there is news of this run", and to other workers.
// News of one run within a moment is one message; what it is, readers fetch by seq.

import { type Clock, pause } from '../_shared/clock/clock.ts';
import { type Bus, runChannel, WAKE_CHANNEL } from '../_shared/redis/bus.ts';

const GATHER_MS = 25;

export interface RunNotification {
  runId: string;
  event: string;
}

/** Resolves with whether Redis took them; there is nothing to take where it is not configured. */
export type NotifyRuns = (announcements: readonly RunNotification[]) => Promise<boolean>;

export function createRunNotifier(bus: Bus, clock: Clock): NotifyRuns {
  if (!bus.configured) return () => Promise.resolve(true);
  let gathered = new Set<string>();
  let sending: Promise<boolean> | undefined;
  let away = false;

  async function tell(channel: string, message: unknown): Promise<boolean> {
    const heard = await bus.publish(channel, message);
    away = !heard;
    return heard;
  }

  async function send(): Promise<boolean> {
    await pause(clock, GATHER_MS);
    const runIds = [...gathered];
    gathered = new Set();
    sending = undefined;
    const news = (runId: string) => tell(runChannel(runId), { runId });
    // While Redis is away one call finds out for all whether it is back.
    const probe = away ? runIds.shift() : undefined;
    if (probe !== undefined && !(await news(probe))) return false;
    return (await Promise.all(runIds.map(news))).every(Boolean);
  }

  return async (announcements) => {
    const cancelled: string[] = [];
    for (const { runId, event } of announcements) {
      gathered.add(runId);
      if (event === 'run.cancel') cancelled.push(runId);
    }
    sending ??= send();
    const sent = sending;
    let heard = true;
    for (const runId of cancelled) {
      heard = await tell(WAKE_CHANNEL, { kind: 'cancel', runId });
      if (!heard) break;
    }
    return (await sent) && heard;
  };
}
