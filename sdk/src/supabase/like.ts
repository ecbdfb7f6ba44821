// What the SDK needs of a client of supabase-js. Every client fits, with types of a database or without them, and the
// types of the SDK do not depend on a version of supabase-js.

/** The part of a client of supabase-js that the SDK uses. Each client of supabase-js fits. */
export interface SupabaseLike {
  /** The tables and RPCs of a schema. */
  schema(name: never): unknown;
  /** A channel of Realtime. */
  channel(topic: string, options?: never): unknown;
  /** Leaves a channel. */
  removeChannel(channel: never): Promise<unknown>;
  /** Sets the token for private channels. */
  readonly realtime: { setAuth(token?: string | null): Promise<void> };
  /** The session of the user. */
  readonly auth: object;
}

export interface Answer {
  data: unknown;
  error: { message: string; code?: string; details?: string | null } | null;
  status: number;
}

/** A query of the Data API. */
export interface Query extends PromiseLike<Answer> {
  select(columns: string): Query;
  insert(row: object): Query;
  update(row: object): Query;
  delete(): Query;
  eq(column: string, value: unknown): Query;
  contains(column: string, value: unknown): Query;
  gt(column: string, value: unknown): Query;
  or(filters: string): Query;
  order(column: string, options?: { ascending?: boolean }): Query;
  limit(count: number): Query;
  abortSignal(signal: AbortSignal): Query;
}

export interface Rest {
  from(table: string): Query;
  rpc(name: string, args?: object): Query;
}

export const restOf = (client: SupabaseLike): Rest => client.schema('stepbase' as never) as Rest;

interface Channel {
  on(
    type: 'broadcast',
    filter: { event: string },
    callback: (message: { event: string; payload?: unknown }) => void,
  ): Channel;
  subscribe(callback: (status: string, error?: Error) => void): Channel;
}

interface Realtime {
  setAuth(): Promise<void>;
  channel(topic: string): Channel;
  removeChannel(channel: Channel): Promise<unknown>;
}

export function realtimeOf(client: SupabaseLike): Realtime {
  return {
    setAuth: () => client.realtime.setAuth(),
    channel: (topic) =>
      client.channel(topic, { config: { private: true } } as never) as unknown as Channel,
    removeChannel: (channel) => client.removeChannel(channel as never),
  };
}

/** The claims of the signed-in user's token; undefined without one. */
export async function claimsOf(
  client: SupabaseLike,
): Promise<{ sub?: string; app_role?: string } | undefined> {
  const auth = client.auth as {
    getSession(): Promise<{ data: { session: { access_token: string } | null } }>;
  };
  const { data } = await auth.getSession();
  const [, part] = data.session?.access_token.split('.') ?? [];
  if (part === undefined) return undefined;
  const bytes = Uint8Array.from(
    atob(part.replaceAll('-', '+').replaceAll('_', '/')),
    (character) => character.codePointAt(0) ?? 0,
  );
  return JSON.parse(new TextDecoder().decode(bytes)) as { sub?: string; app_role?: string };
}
