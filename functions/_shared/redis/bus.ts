// Redis as the functions use it: publish, subscribe, ping, and the client for rate limits. Without
// configuration it has the same face and does nothing.
import { Redis } from '@upstash/redis';
import type { Clock } from '../clock/clock.ts';
import type { Log } from '../log/log.ts';
import { RedisHealth } from './health.ts';
import { type Subscription, Subscriptions } from './subscriptions.ts';

export interface Bus {
  readonly configured: boolean;
  /** For libraries that speak Redis themselves; undefined when not configured. */
  readonly client: Redis | undefined;
  /** Calls to Redis that failed since the start. */
  readonly failures: number;
  /** Never throws; false when nobody can have heard it. */
  publish(channel: string, message: unknown): Promise<boolean>;
  /** `live` is called whenever the subscription stands: what was published before went by unheard. */
  subscribe(channel: string, message: (message: unknown) => void, live?: () => void): Subscription;
  /** Throws when Redis does not answer. */
  ping(): Promise<void>;
  /** Counts what another user of `client` saw. */
  report(error?: unknown): void;
  close(): void;
}

export interface BusOptions {
  url: string;
  token: string;
}

const CALL_MS = 2_000;

/** Messages of one run; the payload says up to which seq there is news. */
export const runChannel = (runId: string) => `stepbase:run:${runId}`;
/** Wakes idle workers. */
export const WAKE_CHANNEL = 'stepbase:wake';

export function openBus(options: BusOptions | undefined, log: Log, clock: Clock): Bus {
  if (options === undefined) return NO_BUS;
  const health = new RedisHealth(log);
  const subscriptions = new Subscriptions(options, health, clock);
  const client = new Redis({
    ...options,
    enableTelemetry: false,
    retry: { retries: 1, backoff: () => 50 },
    signal: () => AbortSignal.timeout(CALL_MS),
  });
  return {
    configured: true,
    client,
    get failures() {
      return health.failures;
    },
    async publish(channel, message) {
      try {
        await client.publish(channel, message);
        health.succeeded();
        return true;
      } catch (error) {
        health.failed(error);
        return false;
      }
    },
    subscribe: (channel, message, live) =>
      subscriptions.subscribe(channel, live === undefined ? { message } : { message, live }),
    async ping() {
      try {
        await client.ping();
        health.succeeded();
      } catch (error) {
        health.failed(error);
        throw error;
      }
    },
    report(error) {
      if (error === undefined) health.succeeded();
      else health.failed(error);
    },
    close: () => subscriptions.close(),
  };
}

const NO_BUS: Bus = {
  configured: false,
  client: undefined,
  failures: 0,
  publish: () => Promise.resolve(false),
  subscribe: () => ({ live: false, close: () => undefined }),
  ping: () => Promise.resolve(),
  report: () => undefined,
  close: () => undefined,
};
