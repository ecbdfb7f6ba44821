// Follows a run: a feed that receives the messages of the private channel of the run.
import type { SupabaseLike } from '../supabase/like.ts';
import { joinChannel } from './channel.ts';
import { createFeed, type FeedOptions, type RunMessage, type Snapshot } from './feed.ts';
import { isPiece, type TextPiece } from './step-texts.ts';

/** How a page follows a run. */
export interface FollowOptions<S extends Snapshot> extends FeedOptions<S> {
  /** Whether messages arrive now. */
  onLive?(live: boolean): void;
  /** A piece of the text that a model is writing for a step with `stream`; pieces can be lost. */
  onText?(piece: TextPiece): void;
  /** Reads at this interval while the channel is not joined; default: never. */
  apartPollMs?: number | undefined;
}

function isMessage(payload: unknown): payload is RunMessage {
  return (
    typeof payload === 'object' &&
    payload !== null &&
    'seq' in payload &&
    Number.isSafeInteger(payload.seq)
  );
}

/** Reads the run at once, and again after each change. Returns a function that ends it. */
export function followRun<S extends Snapshot>(
  client: SupabaseLike,
  runId: string,
  { onLive, onText, apartPollMs, ...options }: FollowOptions<S>,
): () => void {
  const feed = createFeed(options);
  let isJoined = false;
  const joined = (live: boolean) => {
    isJoined = live;
    onLive?.(live);
  };
  // A client that cannot join, or is offline, still reads the current rows.
  feed.refresh();
  const leave = joinChannel(client, `stepbase:run:${runId}`, {
    onMessage(event, payload) {
      if (event === 'run' && isMessage(payload)) feed.receive(payload);
      if (event === 'text' && isPiece(payload)) onText?.(payload);
    },
    onJoined() {
      joined(true);
      feed.refresh();
    },
    onLost: () => joined(false),
  });
  const polling =
    apartPollMs === undefined
      ? undefined
      : setInterval(() => {
          if (!isJoined) feed.refresh();
        }, apartPollMs);
  return () => {
    clearInterval(polling);
    feed.stop();
    leave();
  };
}
