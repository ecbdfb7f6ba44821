// Limits of one user: without them a single member could keep the server busy with joins for everybody.

import { type Identity, Refusal } from './identity.ts';
import { limits } from './limits.ts';

interface Usage {
  connections: Set<object>;
  /** Joins since `windowStart`, in milliseconds since 1970. */
  joins: number;
  windowStart: number;
}

const WINDOW_MS = 1_000;

export class UserLimits {
  readonly #now: () => number;
  readonly #users = new Map<string, Usage>();
  readonly #usersOf = new WeakMap<object, Set<string>>();

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Counts a join of the identity on a websocket. Throws a Refusal beyond the limits; API keys have no user. */
  admit({ claims }: Identity, connection: object): void {
    if (typeof claims.sub !== 'string') return;
    const usage = this.#usageOf(claims.sub);
    const now = this.#now();
    if (now - usage.windowStart >= WINDOW_MS) {
      usage.windowStart = now;
      usage.joins = 0;
    }
    if (usage.joins >= limits.joinsPerUserAndSecond) {
      throw new Refusal('ClientJoinRateLimitReached', 'Too many joins per second');
    }
    usage.joins += 1;
    if (usage.connections.has(connection)) return;
    if (usage.connections.size >= limits.connectionsPerUser) {
      throw new Refusal('ConnectionRateLimitReached', 'Too many connections of this user');
    }
    usage.connections.add(connection);
    const users = this.#usersOf.get(connection) ?? new Set();
    this.#usersOf.set(connection, users.add(claims.sub));
  }

  /** The websocket is closed. */
  left(connection: object): void {
    for (const user of this.#usersOf.get(connection) ?? []) {
      const usage = this.#users.get(user);
      usage?.connections.delete(connection);
      if (usage?.connections.size === 0) this.#users.delete(user);
    }
    this.#usersOf.delete(connection);
  }

  #usageOf(user: string): Usage {
    const known = this.#users.get(user);
    if (known) return known;
    const usage = { connections: new Set<object>(), joins: 0, windowStart: this.#now() };
    this.#users.set(user, usage);
    return usage;
  }
}
