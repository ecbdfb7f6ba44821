// The Redis of the REST server, real or in memory: one connection for commands, one for subscriptions.

import { createClient, MultiErrorReply, RESP_TYPES } from 'redis';
import { type Command, checkCommand, Scripts } from './commands.ts';
import { limits } from './limits.ts';
import { MemoryBudget } from './memory-budget.ts';
import { type MemoryRedis, startMemoryRedis } from './memory-redis.ts';

export type Listener = (channel: string, message: string) => void;

function connection(target: { url: string } | { path: string }, log: (message: string) => void) {
  const socket = {
    connectTimeout: limits.connectMs,
    reconnectStrategy: (retries: number) => Math.min(50 * 2 ** retries, 2_000),
  };
  const client = createClient({
    RESP: 2,
    ...('url' in target
      ? { url: target.url, socket }
      : { socket: { ...socket, path: target.path, tls: false as const } }),
    // While Redis is unavailable, a request fails at once and is not queued.
    disableOfflineQueue: true,
    commandsQueueMaxLength: limits.queuedCommands,
  });
  client.on('error', (error: Error) => log(`redis: ${error.message}`));
  return client;
}

type Connection = ReturnType<typeof connection>;

/** Strings stay bytes until the encoding that the client wants is known. */
const AS_BYTES = { [RESP_TYPES.BLOB_STRING]: Buffer };

export class RedisBackend {
  readonly #commands: Connection;
  readonly #subscriptions: Connection;
  readonly #memory: MemoryRedis | undefined;
  readonly #budget: MemoryBudget | undefined;
  readonly #scripts = new Scripts();

  private constructor(
    commands: Connection,
    subscriptions: Connection,
    memory: MemoryRedis | undefined,
    memoryBytes: number | undefined,
  ) {
    this.#commands = commands;
    this.#subscriptions = subscriptions;
    this.#memory = memory;
    this.#budget = memory && new MemoryBudget(memory, memoryBytes);
  }

  static async start(
    options: { redisUrl?: string; memoryBytes?: number },
    log: (message: string) => void,
  ): Promise<RedisBackend> {
    const { redisUrl } = options;
    const memory = redisUrl === undefined ? await startMemoryRedis() : undefined;
    const target = memory ? { path: memory.path } : { url: redisUrl ?? '' };
    const commands = connection(target, log);
    const subscriptions = connection(target, log);
    const backend = new RedisBackend(commands, subscriptions, memory, options.memoryBytes);
    try {
      await within(
        Promise.all([commands.connect(), subscriptions.connect()]),
        limits.connectMs,
        'Redis cannot be reached',
      );
      return backend;
    } catch (error) {
      await backend.stop();
      throw error;
    }
  }

  async run(command: Command): Promise<unknown> {
    checkCommand(command);
    const answered = this.#scripts.answer(command);
    if (answered !== undefined) return answered;
    this.#budget?.admit(command);
    return await this.#send(this.#scripts.translate(command));
  }

  async #send(command: Command): Promise<unknown> {
    return await within(
      this.#commands.sendCommand(command, { typeMapping: AS_BYTES }),
      limits.replyMs,
      'Redis did not answer in time',
    );
  }

  /** Runs all commands or none; a command that fails at run time is an Error among the replies, as in Redis. */
  async transaction(commands: Command[]): Promise<unknown[]> {
    for (const command of commands) {
      checkCommand(command);
      this.#budget?.admit(command);
    }
    const multi = this.#commands.withTypeMapping(AS_BYTES).multi();
    for (const command of commands) multi.addCommand(this.#scripts.translate(command));
    try {
      return await within(multi.exec(), limits.replyMs, 'Redis did not answer in time');
    } catch (error) {
      if (error instanceof MultiErrorReply) return error.replies;
      throw error;
    }
  }

  /** Resolves when subscribed, with a function that ends the subscription. */
  async subscribe(
    kind: 'subscribe' | 'psubscribe',
    names: string[],
    listener: Listener,
  ): Promise<() => void> {
    const heard = (message: string, channel: string) => listener(channel, message);
    const client = this.#subscriptions;
    if (kind === 'subscribe') await client.subscribe(names, heard);
    else await client.pSubscribe(names, heard);
    return () => {
      const done =
        kind === 'subscribe' ? client.unsubscribe(names, heard) : client.pUnsubscribe(names, heard);
      done.catch(() => undefined);
    };
  }

  async stop(): Promise<void> {
    for (const client of [this.#commands, this.#subscriptions]) client.destroy();
    await this.#memory?.stop();
  }
}

async function within<T>(work: Promise<T>, milliseconds: number, message: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`ERR ${message}`)), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
