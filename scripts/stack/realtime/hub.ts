// The subscribers of each topic; a message is encoded once for all of them. A private and a public topic of the same
// name are separate.

import type { Extension } from './authorize.ts';
import { type Diff, TopicPresence } from './presence.ts';
import {
  type Broadcast,
  encodeBroadcast,
  encodeJson,
  type Frame,
  type Version,
} from './protocol.ts';

export interface Member {
  readonly version: Version;
  receives(extension: Extension): boolean;
  /** `messageId` is the id of the row in realtime.messages, if the message has one. */
  deliver(frame: Frame, messageId?: string): void;
  /** Messages may have been lost: the client must join again. */
  fail(): void;
}

interface Topic {
  members: Set<Member>;
  presence: TopicPresence<Member>;
}

export class Hub {
  readonly #topics = new Map<string, Topic>();

  join(name: string, isPrivate: boolean, member: Member): TopicPresence<Member> {
    const key = topicKey(name, isPrivate);
    const topic = this.#topics.get(key) ?? { members: new Set(), presence: new TopicPresence() };
    this.#topics.set(key, topic);
    topic.members.add(member);
    return topic.presence;
  }

  leave(name: string, isPrivate: boolean, member: Member): void {
    const key = topicKey(name, isPrivate);
    const topic = this.#topics.get(key);
    if (!topic?.members.delete(member)) return;
    const diff = topic.presence.untrack(member);
    if (topic.members.size === 0) this.#topics.delete(key);
    else if (diff) this.presenceDiff(name, isPrivate, diff);
  }

  broadcast(
    name: string,
    isPrivate: boolean,
    broadcast: Broadcast,
    options: { except?: Member; messageId?: string } = {},
  ): void {
    this.#fanOut(name, isPrivate, 'broadcast', options, (version) =>
      encodeBroadcast(version, `realtime:${name}`, broadcast),
    );
  }

  presenceDiff(name: string, isPrivate: boolean, diff: Diff): void {
    const json = JSON.stringify(diff);
    this.#fanOut(name, isPrivate, 'presence', {}, (version) =>
      encodeJson(version, null, null, `realtime:${name}`, 'presence_diff', json),
    );
  }

  /** After a gap in the replication stream every channel joins again, so that no loss stays undetected. */
  failAll(): void {
    for (const topic of [...this.#topics.values()]) {
      for (const member of [...topic.members]) member.fail();
    }
  }

  #fanOut(
    name: string,
    isPrivate: boolean,
    extension: Extension,
    options: { except?: Member; messageId?: string },
    encode: (version: Version) => Frame | null,
  ): void {
    const topic = this.#topics.get(topicKey(name, isPrivate));
    if (!topic) return;
    const frames = new Map<Version, Frame | null>();
    // A copy, because a delivery removes a client that is too slow.
    for (const member of [...topic.members]) {
      if (member === options.except || !member.receives(extension)) continue;
      let frame = frames.get(member.version);
      if (frame === undefined) {
        frame = encode(member.version);
        frames.set(member.version, frame);
      }
      if (frame) member.deliver(frame, options.messageId);
    }
  }
}

function topicKey(name: string, isPrivate: boolean): string {
  return `${isPrivate ? 'private' : 'public'}:${name}`;
}
