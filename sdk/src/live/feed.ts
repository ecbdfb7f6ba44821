// A snapshot of a run that is never older than the newest message received. A message is shown at once. Shortly
// afterwards the feed reads the rows again, until their seq reaches the highest seq announced. A lost message, a
// reconnect, or a row that becomes visible after its message can therefore delay the snapshot but not leave it wrong.
import { backoffMs } from '../time.ts';

/** What a transaction changed in a run: its newest seq, its state, and the steps that changed. */
export interface RunMessage {
  /** The newest `seq` of the run after the transaction. */
  seq: number;
  /** The status of the run, if the transaction changed it. */
  status?: string;
  /** How many steps are done, if the transaction changed it. */
  steps_completed?: number;
  /** The attempts that the transaction changed. */
  steps?: { step_id: string; item_index: number; attempt: number; status: string }[];
}

/** The rows that a page loads, with the place in the events that they contain. */
export interface Snapshot {
  /** The `event_seq` of the run. */
  seq: number;
}

/** How a feed reads a run, and what it calls. */
export interface FeedOptions<S extends Snapshot> {
  /** Reads the rows as they are now. */
  load(): Promise<S>;
  /** The rows, with newer messages to apply. */
  onChange(snapshot: S, ahead: readonly RunMessage[]): void;
  /** Reading failed. `again`: the feed reads again after a pause, which doubles with each failure in a row. */
  onError(error: unknown): 'again' | undefined;
  /** The delay after a message before the rows are read; later messages share the read. */
  gatherMs?: number | undefined;
  /** The first pause in milliseconds before the rows are read again; default: 150. */
  retryMs?: number | undefined;
  /** Reads now and then without a message, because Realtime drops messages above its rate limit. */
  poll?: { everyMs: number; isWanted(snapshot: S): boolean } | undefined;
}

/** A snapshot that messages keep current. */
export interface Feed {
  /** Reads everything that happened before: the channel was joined or rejoined, or may have lost messages. */
  refresh(): void;
  /** A message has arrived. */
  receive(message: RunMessage): void;
  /** Ends the feed: it reads and calls back no more. */
  stop(): void;
}

const MAX_REREADS = 20;
const LONGEST_REREAD_MS = 1_000;
const LONGEST_PAUSE_MS = 5_000;

/** Keeps a snapshot current by messages, wherever these come from. `followRun` is a feed with the messages of Realtime. */
export function createFeed<S extends Snapshot>(options: FeedOptions<S>): Feed {
  const { gatherMs = 80, retryMs = 150 } = options;
  let snapshot: S | undefined;
  let ahead: RunMessage[] = [];
  let highest = 0;
  let rereads = 0;
  let failures = 0;
  let loading = false;
  let again = false;
  let stopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function schedule(ms: number): void {
    if (stopped || timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      void read();
    }, ms);
  }

  async function read(): Promise<void> {
    if (stopped) return;
    if (loading) {
      again = true;
      return;
    }
    loading = true;
    try {
      const next = await options.load();
      failures = 0;
      if (!stopped) show(next);
    } catch (error) {
      if (!stopped && options.onError(error) === 'again') {
        schedule(backoffMs(retryMs, failures, LONGEST_PAUSE_MS));
        failures += 1;
      }
    } finally {
      loading = false;
      if (again) {
        again = false;
        schedule(0);
      }
    }
  }

  function show(next: S): void {
    if (snapshot === undefined || next.seq >= snapshot.seq) snapshot = next;
    const { seq } = snapshot;
    ahead = ahead.filter((message) => message.seq > seq);
    options.onChange(snapshot, ahead);
    if (seq >= highest) rereads = 0;
    else if (rereads < MAX_REREADS) {
      schedule(backoffMs(retryMs, rereads, LONGEST_REREAD_MS));
      rereads += 1;
    }
  }

  const { poll } = options;
  const polling =
    poll &&
    setInterval(() => {
      if (snapshot !== undefined && !loading && poll.isWanted(snapshot)) void read();
    }, poll.everyMs);

  return {
    refresh() {
      rereads = 0;
      void read();
    },
    receive(message) {
      if (stopped || message.seq <= (snapshot?.seq ?? 0)) return;
      highest = Math.max(highest, message.seq);
      rereads = 0;
      ahead.push(message);
      if (snapshot !== undefined) options.onChange(snapshot, ahead);
      schedule(gatherMs);
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
      clearInterval(polling);
    },
  };
}
