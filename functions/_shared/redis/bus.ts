// Redis for both functions: publish, subscribe, ping, and the client for rate limits. Without configuration the
// interface is the same and all calls do nothing.
import { Redis } from '@upstash/redis';
import type { Clock } from '../clock/clock.ts';
import type { Log } from '../log/log.ts';
import { RedisHealth } from './health.ts';
import { type Subscription, Subscriptions } from './subscriptions.ts';

export interface Bus {
  readonly configured: boolean;
  /** For libraries that call Redis themselves; undefined when Redis is not configured. */
  readonly client: Redis | undefined;
  /** The number of calls to Redis that have failed since the start. */
  readonly failures: number;
  /** Never throws; false when the message was not published. */
  publish(channel: string, message: unknown): Promise<boolean>;
  /** `live` is called whenever the subscription opens: messages published before are lost. */
  subscribe(channel: string, message: (message: unknown) => void, live?: () => void): Subscription;
  /** Throws when Redis does not respond. */
  ping(): Promise<void>;
  /** Counts the success or the failure of a call that was made through `client`. */
  report(error?: unknown): void;
  close(): void;
}

export interface BusOptions {
  url: string;
  token: string;
}

const CALL_MS = 2_000;

/** The channel for notifications of one run. */
export const runChannel = (runId: string) => `stepbase:run:${runId}`;
/** The channel for wake-ups of workers. */
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
