// A joined channel: its rights, its lifetime, and its messages.

import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { type Extension, isPolicyError, readable, writable } from './authorize.ts';
import type { Hub, Member } from './hub.ts';
import { type Identities, type Identity, Refusal } from './identity.ts';
import type { JoinConfig } from './join-config.ts';
import { limits } from './limits.ts';
import type { MessageRate } from './message-rate.ts';
import type { PostgresChanges } from './postgres-changes.ts';
import type { TopicPresence } from './presence.ts';
import type { Version } from './protocol.ts';
import { type Broadcast, BroadcastPush, encodeJson, type Frame, isRecord } from './protocol.ts';
import type { UserLimits } from './user-limits.ts';

export interface Services {
  pool: Pool;
  hub: Hub;
  identities: Identities;
  changes: PostgresChanges;
  users: UserLimits;
  rate: MessageRate;
  log: (message: string) => void;
}

/** The part of the websocket that a channel uses. */
export interface Transport {
  readonly version: Version;
  send(frame: Frame): void;
  /** The server has ended the channel. */
  closed(channel: Channel): void;
}

const TOKEN_CHECK_MS = 3_600_000;

export class Channel implements Member {
  readonly topic: string;
  readonly name: string;
  readonly joinRef: string | null;
  readonly config: JoinConfig;
  readonly version: Version;
  readonly #services: Services;
  readonly #transport: Transport;
  readonly #presenceKey: string;
  #identity: Identity;
  #read: Record<Extension, boolean> = { broadcast: true, presence: true };
  #write: Partial<Record<Extension, boolean>> = {};
  #presenceEnabled: boolean;
  #presence: TopicPresence<Member> | undefined;
  #expiry: NodeJS.Timeout | undefined;
  /** Frames that arrived before the reply to the join. */
  #held: { frame: Frame; messageId: string | undefined }[] | null = [];
  #replayed = new Set<string>();
  #open = true;

  constructor(
    services: Services,
    transport: Transport,
    join: { topic: string; joinRef: string | null; config: JoinConfig; identity: Identity },
  ) {
    this.#services = services;
    this.#transport = transport;
    this.version = transport.version;
    this.topic = join.topic;
    this.name = join.topic.slice('realtime:'.length);
    this.joinRef = join.joinRef;
    this.config = join.config;
    this.#identity = join.identity;
    this.#presenceKey = join.config.presence.key || randomUUID();
    this.#presenceEnabled = join.config.presence.enabled;
  }

  get open(): boolean {
    return this.#open;
  }

  get identity(): Identity {
    return this.#identity;
  }

  // Joining ------------------------------------------------------------------------------------

  /** Throws a Refusal unless the caller may receive broadcasts or presence. */
  async authorize(): Promise<void> {
    if (this.config.private) this.#read = await this.#readRights(this.#identity);
    if (this.#read.broadcast || this.#read.presence) return;
    throw new Refusal(
      'Unauthorized',
      `You do not have permissions to read from this Channel topic: ${this.name}`,
    );
  }

  async #readRights(identity: Identity): Promise<Record<Extension, boolean>> {
    try {
      return await readable(this.#services.pool, identity, this.name);
    } catch (error) {
      this.#services.log(`RlsPolicyError on ${this.name}: ${String(error)}`);
      // A policy with an error grants no rights; the reason is logged and not sent to the client.
      if (isPolicyError(error)) return { broadcast: false, presence: false };
      throw new Refusal(
        'UnableToConnectToProject',
        'Realtime was unable to connect to the project database',
      );
    }
  }

  /** Starts to receive messages of the topic, which are buffered until `release`. */
  enter(): void {
    this.#presence = this.#services.hub.join(this.name, this.config.private, this);
    this.#watchExpiry();
  }

  /** Called after the reply to the join: sends the presence state, replayed messages, then the buffered ones. */
  release(replayed: { id: string; frame: Frame }[]): void {
    if (this.#presenceEnabled && this.#read.presence) this.#sendPresenceState();
    for (const { id, frame } of replayed) {
      this.#replayed.add(id);
      this.#transport.send(frame);
    }
    const held = this.#held ?? [];
    this.#held = null;
    for (const { frame, messageId } of held) this.deliver(frame, messageId);
  }

  // Delivery -----------------------------------------------------------------------------------

  receives(extension: Extension): boolean {
    if (!this.#read[extension]) return false;
    return extension === 'broadcast' || this.#presenceEnabled;
  }

  deliver(frame: Frame, messageId?: string): void {
    if (!this.#open || (messageId !== undefined && this.#replayed.has(messageId))) return;
    if (!this.#held) this.#transport.send(frame);
    else if (this.#held.length < limits.batchMessages) this.#held.push({ frame, messageId });
    else this.fail();
  }

  push(event: string, payload: unknown): void {
    if (!this.#open) return;
    const json = JSON.stringify(payload);
    this.#transport.send(encodeJson(this.version, null, null, this.topic, event, json));
  }

  system(extension: string, status: 'ok' | 'error', message: string): void {
    this.push('system', { extension, status, message, channel: this.name });
  }

  // The client's messages ------------------------------------------------------------------------

  /** The reply, or null if the hosted service sends none. */
  async handle(
    event: string,
    payload: unknown,
  ): Promise<{ ok: boolean; response: unknown } | null> {
    if ((event === 'broadcast' || event === 'presence') && !this.#services.rate.admits()) {
      this.shutdown('Too many messages per second');
      return null;
    }
    if (event === 'broadcast') return await this.#handleBroadcast(payload);
    if (event === 'presence') return await this.#handlePresence(payload);
    if (event === 'access_token' && isRecord(payload)) await this.#refresh(payload.access_token);
    return null;
  }

  async #handleBroadcast(payload: unknown): Promise<{ ok: boolean; response: unknown } | null> {
    // No reply to a broadcast that is not allowed, as on a hosted project: the acknowledgement times out.
    if (this.config.private && !(await this.#mayWrite('broadcast'))) return null;
    if (payload instanceof BroadcastPush && payload.metadata.persist) {
      const error = 'Storing client broadcasts is not available in the embedded Realtime';
      return { ok: false, response: { error } };
    }
    const broadcast: Broadcast =
      payload instanceof BroadcastPush
        ? payload.broadcast
        : { kind: 'json', json: JSON.stringify(payload) };
    const except = this.config.broadcast.self ? {} : { except: this };
    this.#services.hub.broadcast(this.name, this.config.private, broadcast, except);
    return this.config.broadcast.ack ? { ok: true, response: {} } : null;
  }

  async #handlePresence(payload: unknown): Promise<{ ok: boolean; response: unknown }> {
    const event = isRecord(payload) && typeof payload.event === 'string' ? payload.event : '';
    if (event.toLowerCase() === 'untrack') {
      this.#announce(this.#presence?.untrack(this) ?? null);
      return { ok: true, response: {} };
    }
    if (event.toLowerCase() !== 'track') return { ok: false, response: {} };
    if (this.config.private && !(await this.#mayWrite('presence'))) {
      return { ok: false, response: {} };
    }
    const meta = isRecord(payload) ? (payload.payload ?? {}) : {};
    if (!isRecord(meta)) {
      return { ok: false, response: { reason: 'Presence track payload must be a map' } };
    }
    const presence = this.#presence;
    if (!presence || !this.#open) return { ok: false, response: {} };
    if (presence.size >= limits.presencesPerTopic) {
      return { ok: false, response: { reason: 'Too many presences in this topic' } };
    }
    if (!this.#presenceEnabled) {
      this.#presenceEnabled = true;
      if (this.#read.presence) this.#sendPresenceState();
    }
    this.#announce(presence.track(this, this.#presenceKey, meta));
    return { ok: true, response: {} };
  }

  #announce(diff: ReturnType<TopicPresence<Member>['untrack']>): void {
    if (diff) this.#services.hub.presenceDiff(this.name, this.config.private, diff);
  }

  #sendPresenceState(): void {
    this.push('presence_state', this.#presence?.state() ?? {});
  }

  /** Read from the database once for each token, then cached, as on a hosted project. */
  async #mayWrite(extension: Extension): Promise<boolean> {
    const known = this.#write[extension];
    if (known !== undefined) return known;
    try {
      const identity = this.#identity;
      const allowed = await writable(this.#services.pool, identity, this.name, extension);
      if (identity === this.#identity) this.#write[extension] = allowed;
      return allowed;
    } catch (error) {
      this.#services.log(`RlsPolicyError on ${this.name}: ${String(error)}`);
      return false;
    }
  }

  // The token ------------------------------------------------------------------------------------

  async #refresh(token: unknown): Promise<void> {
    if (typeof token !== 'string' || token.startsWith('sb_')) return;
    if (token === this.#identity.token) return;
    try {
      const identity = await this.#services.identities.of(token);
      const before = this.#read;
      const now = this.config.private ? await this.#readRights(identity) : before;
      if ((before.broadcast && !now.broadcast) || (before.presence && !now.presence)) {
        const gone = 'You no longer have permission to read from this Channel topic';
        return this.shutdown(`${gone}: ${this.name}`);
      }
      this.#identity = identity;
      this.#read = now;
      this.#write = {};
      this.#watchExpiry();
      await this.#services.changes.changeIdentity(this);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      // The token could not be checked: the client joins again, which repeats the check.
      if (error.code === 'UnableToConnectToProject') this.fail();
      else this.shutdown(error.message);
    }
  }

  #watchExpiry(): void {
    clearTimeout(this.#expiry);
    if (!this.#open) return;
    const left = this.#identity.expiresAt * 1000 - Date.now();
    if (left <= 0) {
      const ago = Math.floor(-left / 1000);
      this.shutdown(`Token has expired ${ago} seconds ago`);
      return;
    }
    this.#expiry = setTimeout(() => this.#watchExpiry(), Math.min(left, TOKEN_CHECK_MS));
    this.#expiry.unref();
  }

  // The end --------------------------------------------------------------------------------------

  /** Sends the reason and closes the channel; the client does not join again automatically. */
  shutdown(message: string): void {
    if (!this.#open) return;
    this.system('system', 'error', message);
    this.#end('phx_close');
  }

  /** Ends the channel with an error, after which the client joins again automatically. */
  fail(): void {
    this.#end('phx_error');
  }

  #end(event: 'phx_close' | 'phx_error'): void {
    if (!this.#open) return;
    this.leave();
    const { version, joinRef, topic } = this;
    this.#transport.send(encodeJson(version, joinRef, joinRef, topic, event, '{}'));
    this.#transport.closed(this);
  }

  leave(): void {
    if (!this.#open) return;
    this.#open = false;
    clearTimeout(this.#expiry);
    this.#held = null;
    this.#services.hub.leave(this.name, this.config.private, this);
    this.#services.changes.unsubscribe(this);
  }
}
