// Notifications over Redis that a run has changed: for event streams and for other workers. Notifications
// of one run within 25 ms become one message without content; subscribers read the events by seq.

import { type Clock, pause } from '../_shared/clock/clock.ts';
import { type Bus, runChannel, WAKE_CHANNEL } from '../_shared/redis/bus.ts';

const GATHER_MS = 25;

export interface RunNotification {
  runId: string;
  event: string;
}

/** Resolves with whether Redis accepted all of them; true where Redis is not configured. */
export type NotifyRuns = (notifications: readonly RunNotification[]) => Promise<boolean>;

export function createRunNotifier(bus: Bus, clock: Clock): NotifyRuns {
  if (!bus.configured) return () => Promise.resolve(true);
  let gathered = new Set<string>();
  let sending: Promise<boolean> | undefined;
  let isRedisAway = false;

  async function publish(channel: string, message: unknown): Promise<boolean> {
    const accepted = await bus.publish(channel, message);
    isRedisAway = !accepted;
    return accepted;
  }

  async function send(): Promise<boolean> {
    await pause(clock, GATHER_MS);
    const runIds = [...gathered];
    gathered = new Set();
    sending = undefined;
    const notify = (runId: string) => publish(runChannel(runId), { runId });
    // While Redis is away, one call finds out for all of them whether it is back.
    const probe = isRedisAway ? runIds.shift() : undefined;
    if (probe !== undefined && !(await notify(probe))) return false;
    return (await Promise.all(runIds.map(notify))).every(Boolean);
  }

  return async (notifications) => {
    const cancelled: string[] = [];
    for (const { runId, event } of notifications) {
      gathered.add(runId);
      if (event === 'run.cancel') cancelled.push(runId);
    }
    sending ??= send();
    const sent = sending;
    let accepted = true;
    for (const runId of cancelled) {
      accepted = await publish(WAKE_CHANNEL, { kind: 'cancel', runId });
      if (!accepted) break;
    }
    return (await sent) && accepted;
  };
}
