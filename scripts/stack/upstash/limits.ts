// The bounds of the Upstash REST server: every size, count and wait in it is one of these numbers.

export const limits = {
  /** Bytes of one request, as Upstash's own. */
  requestBytes: 1024 * 1024,
  /** Commands in one pipeline or transaction. */
  commands: 1_000,
  /** Event streams at once. */
  subscribers: 1_000,
  /** Bytes a subscriber may leave unread before it is cut off. */
  unreadBytes: 1024 * 1024,
  /** A comment is sent so often that nobody between takes an event stream for dead. */
  keepAliveMs: 15_000,
  /** What the in-memory Redis may hold. */
  memoryBytes: 64 * 1024 * 1024,
  memoryKeys: 100_000,
  /** A script can write more than it carries; this much is counted for each run. */
  scriptBytes: 16 * 1024,
  /** Scripts known by their hash. */
  scripts: 500,
  /** Commands waiting for Redis. */
  queuedCommands: 10_000,
  connectMs: 5_000,
  /** Longest wait for Redis to answer one request. */
  replyMs: 10_000,
} as const;
