// Upstash's SUBSCRIBE: one event stream over HTTP for each channel, shared by all subscribers in this process and
// reconnected with growing pauses. (The client library's own Subscriber does not report the end of its
// stream, and a subscriber has to know whether to poll.)
import { type Clock, pause } from '../clock/clock.ts';
import { type BackOff, backOffMs } from '../db/retry.ts';
import { parseJson } from '../text/json-numbers.ts';
import type { RedisHealth } from './health.ts';

export interface Subscription {
  /** Whether messages arrive at present; otherwise the subscriber should poll. */
  readonly live: boolean;
  close(): void;
}

export interface Listener {
  message(message: unknown): void;
  /** The stream is open, for the first time or again; messages published before are lost. */
  live?(): void;
}

interface Channel {
  listeners: Set<Listener>;
  stop: AbortController;
  live: boolean;
}

const RECONNECT: BackOff = { firstMs: 250, longestMs: 30_000 };
const CONNECT_MS = 5_000;

export class Subscriptions {
  readonly #channels = new Map<string, Channel>();
  readonly #url: string;
  readonly #token: string;
  readonly #health: RedisHealth;
  readonly #clock: Clock;

  constructor(options: { url: string; token: string }, health: RedisHealth, clock: Clock) {
    this.#url = options.url.replace(/\/+$/, '');
    this.#token = options.token;
    this.#health = health;
    this.#clock = clock;
  }

  subscribe(name: string, listener: Listener): Subscription {
    let channel = this.#channels.get(name);
    if (channel === undefined) {
      channel = { listeners: new Set(), stop: new AbortController(), live: false };
      this.#channels.set(name, channel);
      void this.#run(name, channel);
    }
    const own = channel;
    own.listeners.add(listener);
    return {
      get live() {
        return own.live;
      },
      close: () => {
        own.listeners.delete(listener);
        if (own.listeners.size === 0 && this.#channels.get(name) === own) {
          this.#channels.delete(name);
          own.stop.abort();
        }
      },
    };
  }

  close(): void {
    for (const channel of this.#channels.values()) channel.stop.abort();
    this.#channels.clear();
  }

  async #run(name: string, channel: Channel): Promise<void> {
    const { signal } = channel.stop;
    for (let ended = 1; !signal.aborted; ended += 1) {
      try {
        await this.#read(name, channel);
        ended = 1;
      } catch (error) {
        if (!signal.aborted) this.#health.failed(error);
      }
      channel.live = false;
      if (signal.aborted) return;
      await pause(this.#clock, backOffMs(ended, RECONNECT) * (0.5 + Math.random()), signal);
    }
  }

  /** Reads one stream to its end. */
  async #read(name: string, channel: Channel): Promise<void> {
    const connecting = new AbortController();
    const cancelTimeout = this.#clock.after(CONNECT_MS, () =>
      connecting.abort(new Error(`Redis did not respond within ${CONNECT_MS} ms`)),
    );
    const response = await fetch(`${this.#url}/subscribe/${encodeURIComponent(name)}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.#token}`, accept: 'text/event-stream' },
      signal: AbortSignal.any([channel.stop.signal, connecting.signal]),
    }).finally(cancelTimeout);
    if (!response.ok || response.body === null) {
      await response.body?.cancel();
      throw new Error(`Redis responded to SUBSCRIBE with status ${response.status}`);
    }
    let rest = '';
    for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line.startsWith('data:')) this.#deliver(channel, line.slice(5).trim());
      }
    }
    if (!channel.live) throw new Error('the subscription ended before it was open');
  }

  /** Lines are `subscribe,<channel>,<count>` and `message,<channel>,<payload>`. */
  #deliver(channel: Channel, line: string): void {
    const [, kind, payload = ''] = /^(\w+),[^,]*,(.*)$/s.exec(line) ?? [];
    if (kind === 'subscribe') {
      channel.live = true;
      this.#health.succeeded();
      this.#tell(channel, (listener) => listener.live?.());
    }
    if (kind !== 'message') return;
    const message = parse(payload);
    this.#tell(channel, (listener) => listener.message(message));
  }

  /** An error of one listener concerns neither Redis nor the other listeners. */
  #tell(channel: Channel, say: (listener: Listener) => void): void {
    for (const listener of channel.listeners) {
      try {
        say(listener);
      } catch (error) {
        this.#health.listenerFailed(error);
      }
    }
  }
}

function parse(payload: string): unknown {
  try {
    return parseJson(payload);
  } catch {
    return payload;
  }
}
