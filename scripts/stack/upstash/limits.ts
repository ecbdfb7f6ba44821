// The limits of the Upstash REST server: every size, count and wait has one of these limits.

export const limits = {
  /** Bytes of one request, as in Upstash. */
  requestBytes: 1024 * 1024,
  /** Commands in one pipeline or transaction. */
  commands: 1_000,
  /** Concurrent event streams. */
  subscribers: 1_000,
  /** Unread bytes of a subscriber before it is disconnected. */
  unreadBytes: 1024 * 1024,
  /** The interval of comments that keep an event stream alive through proxies. */
  keepAliveMs: 15_000,
  /** The size of the in-memory Redis. */
  memoryBytes: 64 * 1024 * 1024,
  memoryKeys: 100_000,
  /** The bytes that are counted for each run of a script, because a script can write more than its arguments. */
  scriptBytes: 16 * 1024,
  /** Scripts that are kept by their hash. */
  scripts: 500,
  /** Commands waiting for Redis. */
  queuedCommands: 10_000,
  connectMs: 5_000,
  /** Longest wait for Redis to answer one request. */
  replyMs: 10_000,
} as const;
