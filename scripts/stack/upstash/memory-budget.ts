// The memory limit of the in-memory Redis: adds up the written bytes, and measures the real size when the sum exceeds
// the limit.

import type { Command } from './commands.ts';
import { limits } from './limits.ts';

/** The Redis whose size is measured. */
export interface Measured {
  weigh(): { bytes: number; keys: number };
  forgetScripts(): void;
}

/** Commands that only read or free memory: always allowed. */
const FREE = new Set(
  (
    'GET MGET STRLEN GETRANGE EXISTS TYPE TTL PTTL EXPIRETIME PEXPIRETIME KEYS SCAN DBSIZE ECHO PING ' +
    'TIME DEL UNLINK GETDEL EXPIRE PEXPIRE EXPIREAT PEXPIREAT PERSIST HGET HMGET HGETALL HKEYS HVALS ' +
    'HLEN HEXISTS HSCAN HSTRLEN HDEL LRANGE LLEN LINDEX LPOS LPOP RPOP LREM LTRIM SMEMBERS SCARD ' +
    'SISMEMBER SMISMEMBER SSCAN SREM SPOP SRANDMEMBER SINTER SUNION SDIFF ZRANGE ZCARD ZSCORE ZMSCORE ' +
    'ZRANK ZREVRANK ZCOUNT ZSCAN ZREM ZPOPMIN ZPOPMAX ZREMRANGEBYSCORE ZREMRANGEBYRANK XRANGE ' +
    'XREVRANGE XLEN XREAD XDEL XTRIM PUBLISH PUBSUB FLUSHALL FLUSHDB BITCOUNT GETBIT BITPOS'
  ).split(' '),
);

const SCRIPTS = new Set(['EVAL', 'EVALSHA', 'FCALL']);
const MEASURE_EVERY_MS = 1_000;

export class MemoryBudget {
  readonly #redis: Measured;
  readonly #bytes: number;
  readonly #keys: number;
  #held = 0;
  #written = 0;
  #measuredAt = Number.NEGATIVE_INFINITY;
  #heldKeys = 0;
  #scriptBytes = 0;

  constructor(
    redis: Measured,
    bytes: number = limits.memoryBytes,
    keys: number = limits.memoryKeys,
  ) {
    this.#redis = redis;
    this.#bytes = bytes;
    this.#keys = keys;
  }

  /** Throws the error of a Redis that has reached its `maxmemory`. */
  admit(command: Command): void {
    const [name = ''] = command;
    if (FREE.has(name.toUpperCase())) return;
    this.#forgetScripts(name, command[1] ?? '');
    const size = command.reduce((sum, part) => sum + Buffer.byteLength(part), 0);
    const counted = SCRIPTS.has(name.toUpperCase()) ? size + limits.scriptBytes : size;
    // Each entry needs some memory in addition to its bytes.
    if (this.#over(counted + 64) && this.#mayMeasure()) this.#measure();
    if (this.#over(counted + 64)) {
      throw new Error("OOM command not allowed when used memory > 'maxmemory'.");
    }
    this.#written += counted + 64;
    // Each write may add a key.
    this.#heldKeys += 1;
  }

  #over(bytes: number): boolean {
    return this.#held + this.#written + bytes > this.#bytes || this.#heldKeys >= this.#keys;
  }

  #mayMeasure(): boolean {
    return performance.now() - this.#measuredAt >= MEASURE_EVERY_MS;
  }

  #measure(): void {
    this.#measuredAt = performance.now();
    const { bytes, keys } = this.#redis.weigh();
    this.#held = bytes;
    this.#heldKeys = keys;
    this.#written = 0;
  }

  /** Bounds the script cache: clients send a removed script again. */
  #forgetScripts(name: string, body: string): void {
    if (name.toUpperCase() !== 'EVAL' && name.toUpperCase() !== 'SCRIPT') return;
    this.#scriptBytes += Buffer.byteLength(body);
    if (this.#scriptBytes < this.#bytes / 8) return;
    this.#scriptBytes = 0;
    this.#redis.forgetScripts();
  }
}
