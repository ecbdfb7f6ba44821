// One run whose history the bridge follows: reads the next events and mirrors them, each once. The position is that of
// the database; another bridge may have moved it.

import type { Cluster, HistoryPage } from './cluster.ts';
import { type Group, HistoryReader } from './entries.ts';
import type { OpenRun, Position, Store } from './store.ts';

/** A transaction has at most about this many entries. */
const MAX_ENTRIES = 100;

export interface FollowedRunDeps {
  cluster: Pick<Cluster, 'history'>;
  store: Pick<Store, 'mirror'>;
}

/** What the run needs next. */
export type Next =
  /** More events may come at any time. */
  | { kind: 'active' }
  /** Nothing happens before this time, in milliseconds since 1970, unless a command is sent; undefined: without one. */
  | { kind: 'idle'; until: number | undefined }
  | { kind: 'closed' };

export class FollowedRun {
  readonly id: string;
  readonly namespace: string;
  readonly #deps: FollowedRunDeps;
  #temporalRunId: string | undefined;
  #lastEventId: number;
  #token: Uint8Array | undefined;
  #reader = new HistoryReader();

  constructor(run: OpenRun, deps: FollowedRunDeps) {
    this.id = run.run_id;
    this.namespace = run.namespace;
    this.#temporalRunId = run.temporal_run_id ?? undefined;
    this.#lastEventId = Number(run.last_event_id);
    this.#deps = deps;
  }

  /** Waits up to `waitMs` for events. Rejects if Temporal or the database does not answer; then it can be called again. */
  async advance(waitMs: number, signal: AbortSignal): Promise<Next> {
    const page = await this.#deps.cluster.history({
      namespace: this.namespace,
      runId: this.id,
      temporalRunId: this.#temporalRunId,
      token: this.#token,
      waitMs,
      signal,
    });
    if (page === undefined) return this.#next();
    if (page === null) return this.#lost();
    if (this.#temporalRunId === undefined) {
      if (page.temporalRunId === undefined)
        throw new Error('the history does not begin with a start');
      this.#temporalRunId = page.firstRunId || page.temporalRunId;
      // It continued as new before the bridge saw it.
      if (this.#temporalRunId !== page.temporalRunId) return { kind: 'active' };
    }
    try {
      return await this.#mirror(page);
    } catch (error) {
      // The reader is ahead of the database now.
      this.#restart();
      throw error;
    }
  }

  async #mirror(page: HistoryPage): Promise<Next> {
    const groups = this.#reader.read(page.events).filter(({ upto }) => upto > this.#lastEventId);
    for (const batch of batches(groups)) {
      const moved = await this.#apply(batch);
      if (!moved) return { kind: 'active' };
    }
    this.#token = page.token;
    if (this.#reader.continuedAs !== undefined) {
      this.#temporalRunId = this.#reader.continuedAs;
      this.#lastEventId = 0;
      this.#restart();
      return { kind: 'active' };
    }
    return this.#next();
  }

  /** False: the database is at another position; the history is read again from there. */
  async #apply({ entries, upto }: Group): Promise<boolean> {
    const position = await this.#deps.store.mirror({
      runId: this.id,
      temporalRunId: this.#temporalRunId ?? '',
      after: this.#lastEventId,
      upto,
      entries,
      problem: this.#reader.problem,
    });
    if (position.isApplied) {
      this.#lastEventId = upto;
      return true;
    }
    this.#moveTo(position);
    return false;
  }

  #moveTo({ temporalRunId, lastEventId }: Position): void {
    this.#temporalRunId = temporalRunId ?? this.#temporalRunId;
    this.#lastEventId = lastEventId;
    this.#restart();
  }

  #restart(): void {
    this.#token = undefined;
    this.#reader = new HistoryReader();
  }

  #next(): Next {
    if (this.#reader.isClosed && this.#reader.continuedAs === undefined) return { kind: 'closed' };
    if (this.#token === undefined || this.#reader.isActive) return { kind: 'active' };
    return { kind: 'idle', until: this.#reader.nextTimer };
  }

  /** Temporal has no such workflow: it deleted it, or its data were lost. */
  async #lost(): Promise<Next> {
    await this.#deps.store.mirror({
      runId: this.id,
      temporalRunId: this.#temporalRunId ?? '',
      after: this.#lastEventId,
      upto: this.#lastEventId,
      entries: [
        {
          kind: 'closed',
          code: 'engine_closed',
          message: 'Temporal does not have the workflow of the run',
        },
      ],
    });
    return { kind: 'closed' };
  }
}

/** Joins groups to transactions of a moderate size; a group stays whole. */
function batches(groups: readonly Group[]): Group[] {
  const joined: Group[] = [];
  for (const group of groups) {
    const last = joined.at(-1);
    if (last && last.entries.length + group.entries.length <= MAX_ENTRIES) {
      last.entries.push(...group.entries);
      last.upto = group.upto;
    } else {
      joined.push({ upto: group.upto, entries: [...group.entries] });
    }
  }
  return joined;
}
