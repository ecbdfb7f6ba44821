// A live run: a snapshot of the rows that is never older than the newest message received.
// A message updates the page at once. Shortly afterwards the feed reads the rows again, until the run's
// event_seq reaches the highest seq announced. A lost message, a reconnect, or a row that becomes visible
// after its message can therefore delay the page but not leave it wrong.

/** What a transaction changed in a run: its newest seq, its state, and the steps that changed. */
export interface RunMessage {
  seq: number;
  status?: string;
  steps_completed?: number;
  steps?: { step_id: string; item_index: number; attempt: number; status: string }[];
}

export interface Snapshot {
  seq: number;
}

export interface RunFeedOptions<S extends Snapshot> {
  load(): Promise<S>;
  /** The rows, with newer messages applied. */
  onChange(snapshot: S, ahead: readonly RunMessage[]): void;
  onError(error: unknown): void;
  /** The delay after a message before the rows are read; later messages share the read. */
  gatherMs?: number;
  retryMs?: number;
  /** Reads now and then without a message, because Realtime drops messages above its rate limit. */
  poll?: { everyMs: number; isWanted(snapshot: S): boolean };
}

export interface RunFeed {
  /** The channel was joined or rejoined: read everything that happened before. */
  joined(): void;
  receive(message: RunMessage): void;
  stop(): void;
}

const MAX_REREADS = 20;

export function createRunFeed<S extends Snapshot>(options: RunFeedOptions<S>): RunFeed {
  const { gatherMs = 80, retryMs = 150 } = options;
  let snapshot: S | undefined;
  let ahead: RunMessage[] = [];
  let highest = 0;
  let rereads = 0;
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
    if (loading) {
      again = true;
      return;
    }
    loading = true;
    try {
      const next = await options.load();
      if (stopped) return;
      if (snapshot === undefined || next.seq >= snapshot.seq) snapshot = next;
      const { seq } = snapshot;
      ahead = ahead.filter((message) => message.seq > seq);
      options.onChange(snapshot, ahead);
      if (seq >= highest) rereads = 0;
      else if (rereads < MAX_REREADS) {
        rereads += 1;
        schedule(retryMs);
      }
    } catch (error) {
      if (!stopped) options.onError(error);
    } finally {
      loading = false;
      if (again) {
        again = false;
        schedule(0);
      }
    }
  }

  const { poll } = options;
  const polling =
    poll &&
    setInterval(() => {
      if (snapshot !== undefined && !loading && poll.isWanted(snapshot)) void read();
    }, poll.everyMs);

  return {
    joined() {
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
