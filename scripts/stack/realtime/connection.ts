// A websocket: incoming frames, channels by topic, outgoing frames, within bounded memory.

import type { RawData, WebSocket } from 'ws';
import type { Channel, Services, Transport } from './channel.ts';
import { type Identity, Refusal } from './identity.ts';
import { join } from './join.ts';
import { limits } from './limits.ts';
import {
  decodeBinary,
  decodeText,
  encodeJson,
  type Frame,
  type Message,
  type Version,
} from './protocol.ts';

export class Connection implements Transport {
  readonly version: Version;
  readonly #services: Services;
  readonly #socket: WebSocket;
  readonly #identity: Identity;
  readonly #channels = new Map<string, Channel>();
  /** Messages of one topic are handled one after the other; topics do not wait for each other. */
  readonly #queues = new Map<string, Promise<void>>();
  #pending = 0;
  #lastHeard = Date.now();

  constructor(services: Services, socket: WebSocket, version: Version, identity: Identity) {
    this.#services = services;
    this.#socket = socket;
    this.version = version;
    this.#identity = identity;
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    socket.on('close', () => this.#leaveAll());
    socket.on('error', (error) => services.log(`websocket: ${error.message}`));
  }

  get lastHeard(): number {
    return this.#lastHeard;
  }

  send(frame: Frame): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (this.#socket.bufferedAmount > limits.unreadBytes) {
      // Terminated, because the client would not read a close frame either.
      this.#services.log('a websocket that reads too slowly was closed');
      this.#socket.terminate();
      this.#leaveAll();
      return;
    }
    this.#socket.send(frame.data, { binary: frame.binary });
  }

  closed(channel: Channel): void {
    if (this.#channels.get(channel.topic) === channel) this.#channels.delete(channel.topic);
  }

  close(code: number, reason: string): void {
    this.#leaveAll();
    this.#socket.close(code, reason);
  }

  terminate(): void {
    this.#leaveAll();
    this.#socket.terminate();
  }

  #leaveAll(): void {
    for (const channel of this.#channels.values()) channel.leave();
    this.#channels.clear();
  }

  #receive(data: RawData, isBinary: boolean): void {
    this.#lastHeard = Date.now();
    let message: Message;
    try {
      const bytes = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer);
      message = isBinary ? decodeBinary(bytes) : decodeText(this.version, bytes.toString('utf8'));
    } catch {
      this.close(1003, 'malformed message');
      return;
    }
    if (message.topic === 'phoenix') {
      if (message.event === 'heartbeat') this.#reply(message, true, {});
      return;
    }
    this.#enqueue(message);
  }

  #enqueue(message: Message): void {
    this.#pending += 1;
    if (this.#pending >= limits.pendingMessages) this.#socket.pause();
    const before = this.#queues.get(message.topic) ?? Promise.resolve();
    const done = before
      .then(() => this.#handle(message))
      .catch((error: unknown) => {
        this.#services.log(`UnknownErrorOnChannel ${message.topic}: ${String(error)}`);
        if (message.event === 'phx_join') {
          this.#reply(message, false, { reason: 'Unknown Error on Channel' });
        }
      })
      .finally(() => {
        this.#pending -= 1;
        if (this.#pending < limits.pendingMessages) this.#socket.resume();
        if (this.#queues.get(message.topic) === done) this.#queues.delete(message.topic);
      });
    this.#queues.set(message.topic, done);
  }

  async #handle(message: Message): Promise<void> {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (message.event === 'phx_join') return await this.#join(message);
    const channel = this.#channels.get(message.topic);
    if (!channel) return this.#reply(message, false, { reason: 'unmatched topic' });
    if (message.event === 'phx_leave') return this.#leave(channel, message);
    const reply = await channel.handle(message.event, message.payload);
    if (reply) this.#reply(message, reply.ok, reply.response);
  }

  async #join(message: Message): Promise<void> {
    if (!message.topic.startsWith('realtime:')) {
      return this.#reply(message, false, { reason: 'unmatched topic' });
    }
    const earlier = this.#channels.get(message.topic);
    if (earlier) this.#finish(earlier);
    if (this.#channels.size >= limits.channelsPerConnection) {
      const reason = 'ChannelRateLimitReached: Too many channels';
      return this.#reply(message, false, { reason });
    }
    let owned: Channel | undefined;
    try {
      const joined = await join(this.#services, this, this.#identity, message, (channel) => {
        owned = channel;
        this.#channels.set(channel.topic, channel);
      });
      // The websocket may have been closed during the query.
      if (this.#socket.readyState !== this.#socket.OPEN) return joined.channel.leave();
      if (!joined.channel.open) return;
      this.#reply(message, true, joined.response);
      joined.afterReply();
    } catch (error) {
      if (owned) this.closed(owned);
      if (!(error instanceof Refusal)) throw error;
      this.#reply(message, false, { reason: `${error.code}: ${error.message}` });
    }
  }

  #leave(channel: Channel, message: Message): void {
    // This leave belongs to a join that has been replaced.
    if (message.joinRef !== null && message.joinRef !== channel.joinRef) return;
    this.#reply(message, true, {});
    this.#finish(channel);
  }

  #finish(channel: Channel): void {
    channel.leave();
    this.#channels.delete(channel.topic);
    const { joinRef, topic } = channel;
    this.send(encodeJson(this.version, joinRef, joinRef, topic, 'phx_close', '{}'));
  }

  #reply(message: Message, ok: boolean, response: unknown): void {
    const payload = JSON.stringify({ status: ok ? 'ok' : 'error', response });
    const { joinRef, ref, topic } = message;
    this.send(encodeJson(this.version, joinRef, ref, topic, 'phx_reply', payload));
  }
}
