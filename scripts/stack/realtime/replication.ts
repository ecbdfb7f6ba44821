// A logical replication stream that reconnects automatically. Its slot is temporary and ends with the connection that
// reads it, so neither a crash nor a stop leaves a slot that retains WAL.

import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { LogicalReplicationService, type Pgoutput, PgoutputPlugin } from 'pg-logical-replication';
import { limits } from './limits.ts';

const ACKNOWLEDGE_MS = 1_000;

export interface StreamOptions {
  dbUrl: string;
  name: string;
  publication: string;
  /** With `sequential`, the next message is read after the promise has settled. */
  onMessage: (message: Pgoutput.Message) => void | Promise<void>;
  sequential: boolean;
  /** The stream has reconnected: transactions that were committed in between are lost. */
  onGap: () => void;
  log: (message: string) => void;
}

/** Creates the slot in the streaming session itself and does not parse values. */
class TemporarySlotPlugin extends PgoutputPlugin {
  override parse(buffer: Buffer): Pgoutput.Message {
    const message: Pgoutput.Message = super.parse(buffer);
    if (message.tag === 'relation') {
      for (const column of message.columns) column.parser = (raw: unknown) => raw;
    }
    return message;
  }

  override async start(client: Client, slotName: string, lastLsn: string) {
    await client.query(
      `CREATE_REPLICATION_SLOT "${slotName}" TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT`,
    );
    return await super.start(client, slotName, lastLsn);
  }
}

export class ReplicationStream {
  readonly #options: StreamOptions;
  #service: LogicalReplicationService | undefined;
  #loop: Promise<void> | undefined;
  #abort = new AbortController();
  #streaming = false;

  constructor(options: StreamOptions) {
    this.#options = options;
  }

  get streaming(): boolean {
    return this.#streaming;
  }

  /** Resolves when the first stream is running: every later commit is received. */
  async start(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(
      () => reject(new Error(`replication ${this.#options.name} did not start in time`)),
      limits.streamStartMs,
    );
    this.#abort = new AbortController();
    this.#loop = this.#run(resolve, reject);
    try {
      await promise;
    } catch (error) {
      await this.stop();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#service?.stop().catch(() => undefined);
    await this.#loop;
    this.#loop = undefined;
  }

  async #run(started: () => void, failed: (error: unknown) => void): Promise<void> {
    const { log, name } = this.#options;
    let everStarted = false;
    for (let attempt = 0; !this.#abort.signal.aborted; attempt += 1) {
      try {
        await this.#stream(() => {
          attempt = 0;
          if (everStarted) this.#options.onGap();
          everStarted = true;
          started();
        });
      } catch (error) {
        if (this.#abort.signal.aborted) break;
        if (!everStarted) return failed(error);
        log(`replication ${name}: ${error instanceof Error ? error.message : String(error)}`);
      } finally {
        this.#streaming = false;
      }
      const pause = Math.min(5_000, 100 * 2 ** Math.min(attempt, 6));
      await sleep(pause, undefined, { signal: this.#abort.signal }).catch(() => undefined);
    }
  }

  /** Runs one connection, from START_REPLICATION to its end. */
  async #stream(onStart: () => void): Promise<void> {
    const { dbUrl, name, publication, sequential, onMessage, log } = this.#options;
    const service = new LogicalReplicationService(
      { connectionString: dbUrl, application_name: `realtime_${name}` },
      // The acknowledgements of the library are one byte too high, and a server that is shutting down waits for an
      // acknowledgement of the exact position.
      { acknowledge: { auto: false, timeoutSeconds: 0 }, flowControl: { enabled: sequential } },
    );
    let seen = '0/00000001';
    const acknowledge = () => service.acknowledge(before(seen)).catch(() => undefined);
    // Once a second and not for each message: the slot is temporary, so this only lets the server recycle WAL.
    const acknowledging = setInterval(acknowledge, ACKNOWLEDGE_MS);
    this.#service = service;
    service.on('start', () => {
      this.#streaming = true;
      onStart();
    });
    service.on('data', (lsn: string, message: Pgoutput.Message) => {
      seen = lsn;
      return onMessage(message);
    });
    service.on('heartbeat', (lsn: string, _timestamp: number, shouldRespond: boolean) => {
      seen = lsn;
      if (shouldRespond) void acknowledge();
    });
    service.on('error', (error: Error) => {
      if (!this.#abort.signal.aborted) log(`replication ${name}: ${error.message}`);
    });
    try {
      const plugin = new TemporarySlotPlugin({ protoVersion: 1, publicationNames: [publication] });
      await service.subscribe(plugin, `realtime_${name}_${randomBytes(6).toString('hex')}`);
    } finally {
      clearInterval(acknowledging);
      await service.destroy().catch(() => undefined);
    }
  }
}

/** The position one byte earlier, because the library acknowledges the byte after the given one. */
function before(lsn: string): string {
  const [upper = '0', lower = '0'] = lsn.split('/');
  const byte = (BigInt(`0x${upper}`) << 32n) + BigInt(`0x${lower}`) - 1n;
  return `${(byte >> 32n).toString(16)}/${(byte & 0xffff_ffffn).toString(16)}`;
}
