// The presences of one topic in the format of Phoenix, by the key that each channel chose.

export interface Meta extends Record<string, unknown> {
  phx_ref: string;
}

export type Presences = Record<string, { metas: Meta[] }>;

export interface Diff {
  joins: Presences;
  leaves: Presences;
}

interface Entry {
  key: string;
  meta: Meta;
  payload: string;
}

let nextRef = 0;

/** Unique in this process, and unlikely to equal one from before a restart. */
const refBase = Date.now().toString(36);

export class TopicPresence<Member extends object> {
  readonly #entries = new Map<Member, Entry>();

  get size(): number {
    return this.#entries.size;
  }

  /** Returns null if the payload has not changed. */
  track(member: Member, key: string, payload: Record<string, unknown>): Diff | null {
    const text = JSON.stringify(payload);
    const before = this.#entries.get(member);
    if (before?.payload === text) return null;
    nextRef += 1;
    const meta: Meta = { ...payload, phx_ref: `${refBase}${nextRef.toString(36)}` };
    if (before) meta.phx_ref_prev = before.meta.phx_ref;
    this.#entries.set(member, { key, meta, payload: text });
    return { joins: presences([{ key, meta }]), leaves: presences(before ? [before] : []) };
  }

  untrack(member: Member): Diff | null {
    const entry = this.#entries.get(member);
    if (!entry) return null;
    this.#entries.delete(member);
    return { joins: presences([]), leaves: presences([entry]) };
  }

  state(): Presences {
    return presences(this.#entries.values());
  }
}

/** Clients choose the keys, so the object has no prototype with which they could collide. */
function presences(entries: Iterable<{ key: string; meta: Meta }>): Presences {
  const result: Presences = Object.create(null);
  for (const { key, meta } of entries) {
    const known = result[key];
    if (known) known.metas.push(meta);
    else result[key] = { metas: [meta] };
  }
  return result;
}
