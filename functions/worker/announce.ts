// Announcements to watchers outside of Realtime: "there is news of this run", and to other workers.
// News of one run within a moment is one message; what it is, readers fetch by seq.

import { type Bus, runChannel, WAKE_CHANNEL } from '../_shared/redis/bus.ts';

const GATHER_MS = 25;

export interface Announcement {
  runId: string;
  event: string;
}

export type Announce = (announcements: readonly Announcement[]) => Promise<void>;

export function createAnnouncer(bus: Bus): Announce {
  if (!bus.configured) return () => Promise.resolve();
  let gathered = new Set<string>();
  let sending: Promise<void> | undefined;

  async function send(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
    const runIds = gathered;
    gathered = new Set();
    sending = undefined;
    await Promise.all([...runIds].map((runId) => bus.publish(runChannel(runId), { runId })));
  }

  return async (announcements) => {
    const cancelled: string[] = [];
    for (const { runId, event } of announcements) {
      gathered.add(runId);
      if (event === 'run.cancel') cancelled.push(runId);
    }
    for (const runId of cancelled) await bus.publish(WAKE_CHANNEL, { kind: 'cancel', runId });
    sending ??= send();
    await sending;
  };
}
