// The limits of the Realtime server: every queue, size and wait has one of these limits.

export const limits = {
  /** Concurrent websockets; hosted projects start at 200. */
  connections: 1_000,
  /** Concurrent websockets of one user. */
  connectionsPerUser: 50,
  /** Joins of one user in a second, as hosted limits those of a project. */
  joinsPerUserAndSecond: 100,
  /** Channels of one websocket, as on a hosted project. */
  channelsPerConnection: 100,
  /** Unread bytes of a websocket before it is closed. */
  unreadBytes: 8 * 1024 * 1024,
  /** Unprocessed messages of one websocket before the server stops reading from it. */
  pendingMessages: 64,
  /** Bytes of one incoming frame or HTTP body. */
  incomingBytes: 3 * 1024 * 1024,
  /** A websocket that was silent for this time is closed; clients send a heartbeat every 25 s. */
  idleMs: 60_000,
  /** Presence keys of one topic. */
  presencesPerTopic: 2_000,
  /** Change subscriptions of one channel. */
  bindingsPerChannel: 100,
  /** Values in one `in` filter, as on a hosted project. */
  inFilterValues: 100,
  /** The long values of a changed row larger than this are omitted, as on a hosted project. */
  changeBytes: 1024 * 1024,
  /** Messages in one HTTP batch. */
  batchMessages: 1_000,
  /** Messages that are replayed to one joining channel, as on a hosted project. */
  replayMessages: 25,
  /** Longest wait for one statement. */
  statementMs: 10_000,
  /** Longest wait for the start of the replication stream, which waits for open transactions. */
  streamStartMs: 30_000,
  /** Longest delay of a join reply for postgres_changes_options.wait, as on a hosted project. */
  changesWaitMs: 20_000,
} as const;
