// Private Realtime channels, shared by all listeners of a client: supabase-js has one channel for each topic and
// subscribes it once. A channel that the server closes is joined again as long as it has listeners.
import type { SupabaseLike } from '../supabase/like.ts';
import { realtimeOf } from '../supabase/like.ts';
import { backoffMs } from '../time.ts';

/** What a page does with the messages of a channel. */
export interface ChannelListener {
  /** A broadcast: its event and its payload. */
  onMessage(event: string, payload: unknown): void;
  /** The channel was joined or rejoined: messages may have been lost before. */
  onJoined(): void;
  /** The channel was cut or refused; it is joined again by itself. */
  onLost?(error: Error | undefined): void;
}

interface SharedChannel {
  listeners: Set<ChannelListener>;
  isJoined: boolean;
  close(): Promise<unknown>;
}

interface ClientChannels {
  open: Map<string, SharedChannel>;
  /** Topics that are being left; supabase-js returns the old channel until then. */
  leaving: Map<string, Promise<unknown>>;
}

const clients = new WeakMap<object, ClientChannels>();

function channelsOf(client: SupabaseLike): ClientChannels {
  const known = clients.get(client);
  if (known !== undefined) return known;
  const made: ClientChannels = { open: new Map(), leaving: new Map() };
  clients.set(client, made);
  return made;
}

/** Listens to the broadcasts of a private topic. Returns a function that ends it. */
export function joinChannel(
  client: SupabaseLike,
  topic: string,
  listener: ChannelListener,
): () => void {
  const channels = channelsOf(client);
  let shared = channels.open.get(topic);
  if (shared === undefined) {
    shared = openChannel(client, topic, channels);
    channels.open.set(topic, shared);
  }
  const joined = shared;
  joined.listeners.add(listener);
  if (joined.isJoined) listener.onJoined();
  return () => {
    if (!joined.listeners.delete(listener) || joined.listeners.size > 0) return;
    channels.open.delete(topic);
    const left = joined.close().finally(() => {
      if (channels.leaving.get(topic) === left) channels.leaving.delete(topic);
    });
    channels.leaving.set(topic, left);
  };
}

const FIRST_REOPEN_MS = 1_000;
const LONGEST_REOPEN_MS = 30_000;

function openChannel(
  client: SupabaseLike,
  topic: string,
  { leaving }: ClientChannels,
): SharedChannel {
  const realtime = realtimeOf(client);
  const listeners = new Set<ChannelListener>();
  let channel: ReturnType<typeof realtime.channel> | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isClosed = false;
  let failures = 0;

  /** The error of one listener must not keep the message from the others. */
  function tell(call: (listener: ChannelListener) => void): void {
    for (const listener of [...listeners]) {
      try {
        call(listener);
      } catch (error) {
        console.error(error);
      }
    }
  }

  const lost = (error?: Error) => {
    shared.isJoined = false;
    tell((listener) => listener.onLost?.(error));
  };

  function reopen(): void {
    if (isClosed || timer !== undefined) return;
    timer = setTimeout(
      () => {
        timer = undefined;
        void open().catch(failed);
      },
      backoffMs(FIRST_REOPEN_MS, failures, LONGEST_REOPEN_MS),
    );
    failures += 1;
  }

  function failed(error: unknown): void {
    if (isClosed) return;
    lost(error instanceof Error ? error : new Error(String(error)));
    reopen();
  }

  async function open(): Promise<void> {
    await leaving.get(topic);
    // Private channels are joined with the token of the user, not with the publishable key.
    await realtime.setAuth();
    if (isClosed) return;
    const opened = realtime.channel(topic);
    channel = opened;
    opened.on('broadcast', { event: '*' }, ({ event, payload }) => {
      tell((listener) => listener.onMessage(event, payload));
    });
    opened.subscribe((status, error) => {
      if (isClosed || channel !== opened) return;
      if (status === 'SUBSCRIBED') {
        failures = 0;
        shared.isJoined = true;
        tell((listener) => listener.onJoined());
        return;
      }
      lost(error);
      // After an error or a timeout, supabase-js joins again by itself.
      if (status === 'CLOSED') {
        channel = undefined;
        reopen();
      }
    });
  }

  const shared: SharedChannel = {
    listeners,
    isJoined: false,
    async close() {
      isClosed = true;
      clearTimeout(timer);
      // The socket may be gone; then nothing needs to be left.
      if (channel !== undefined) await realtime.removeChannel(channel).catch(() => undefined);
    },
  };
  void open().catch(failed);
  return shared;
}
