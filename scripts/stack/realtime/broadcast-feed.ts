// Broadcasts from the database: passes rows of realtime.messages to the hub in commit order.

import type { Pgoutput } from 'pg-logical-replication';
import type { Hub } from './hub.ts';
import type { MessageRate } from './message-rate.ts';
import { jsonBroadcast } from './protocol.ts';
import { ReplicationStream } from './replication.ts';

export function broadcastFeed(
  dbUrl: string,
  hub: Hub,
  rate: MessageRate,
  log: (message: string) => void,
): ReplicationStream {
  return new ReplicationStream({
    dbUrl,
    name: 'messages',
    publication: 'supabase_realtime_messages_publication',
    sequential: false,
    onMessage: (message) => {
      if (message.tag !== 'insert') return;
      if (rate.admits()) deliver(hub, message);
      else log('MessagePerSecondRateLimitReached: a broadcast from the database was dropped');
    },
    onGap: () => hub.failAll(),
    log,
  });
}

/** Values are the text from PostgreSQL, so numbers in a payload keep every digit. */
function deliver(hub: Hub, message: Pgoutput.MessageInsert): void {
  const { id, topic, event, payload, binary_payload, private: isPrivate } = message.new;
  if (typeof topic !== 'string' || typeof event !== 'string' || typeof id !== 'string') return;
  if (message.new.extension !== 'broadcast') return;
  const meta = { id };
  if (typeof payload === 'string') {
    hub.broadcast(topic, isPrivate === 't', jsonBroadcast(event, payload, meta), { messageId: id });
  } else if (typeof binary_payload === 'string') {
    const bytes = Buffer.from(binary_payload.slice(2), 'hex');
    const broadcast = { kind: 'binary', event, bytes, meta } as const;
    hub.broadcast(topic, isPrivate === 't', broadcast, { messageId: id });
  }
}
