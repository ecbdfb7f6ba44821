// Losing Redis costs latency, never a run: failures are counted, and logged once when they begin and
// once when they end.
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
    if (!this.#down) this.#log.warn('redis does not answer; going on without it', { error });
    this.#down = true;
  }

  succeeded(): void {
    if (this.#down) this.#log.info('redis answers again', { failures: this.failures });
    this.#down = false;
  }

  listenerFailed(error: unknown): void {
    this.#log.error('a listener of redis messages failed', { error });
  }
}
