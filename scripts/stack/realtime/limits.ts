// The bounds of the Realtime server: every queue, size and wait in it is one of these numbers.

export const limits = {
  /** Websockets at once; hosted projects start at 200. */
  connections: 1_000,
  /** Channels of one websocket, as hosted. */
  channelsPerConnection: 100,
  /** Bytes a websocket may leave unread before it is closed. */
  unreadBytes: 8 * 1024 * 1024,
  /** Messages of one websocket under way before the server stops reading from it. */
  pendingMessages: 64,
  /** Bytes of one incoming frame or HTTP body. */
  incomingBytes: 3 * 1024 * 1024,
  /** A websocket that said nothing for so long is gone; clients send a heartbeat every 25 s. */
  idleMs: 60_000,
  /** Presence keys of one topic. */
  presencesPerTopic: 2_000,
  /** Change subscriptions of one channel. */
  bindingsPerChannel: 100,
  /** Values in one `in` filter, as hosted. */
  inFilterValues: 100,
  /** A changed row larger than this is announced without its long values, as hosted. */
  changeBytes: 1024 * 1024,
  /** Messages in one HTTP batch. */
  batchMessages: 1_000,
  /** Messages replayed to one joining channel, as hosted. */
  replayMessages: 25,
  /** Longest wait for one statement. */
  statementMs: 10_000,
  /** Longest wait for the replication stream to begin; it waits for transactions that are open. */
  streamStartMs: 30_000,
  /** Longest hold of a join reply for postgres_changes_options.wait, as hosted. */
  changesWaitMs: 20_000,
} as const;
