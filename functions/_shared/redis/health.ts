// Counts failed calls to Redis and logs once when an outage starts and once when it ends. An outage costs latency,
// never a run.
import type { Log } from '../log/log.ts';

export class RedisHealth {
  failures = 0;
  #down = false;
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  failed(error: unknown): void {
    this.failures += 1;
    if (!this.#down) this.#log.warn('Redis does not respond; continuing without it', { error });
    this.#down = true;
  }

  succeeded(): void {
    if (this.#down) this.#log.info('Redis responds again', { failures: this.failures });
    this.#down = false;
  }

  listenerFailed(error: unknown): void {
    this.#log.error('a subscriber of Redis messages threw an error', { error });
  }
}
