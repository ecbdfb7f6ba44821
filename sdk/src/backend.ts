// What users and machines have in common. The resources are built on it; supabase/ and http/ implement it.
import type { Args, Collection, Operation } from './operations.ts';
import type { Run, RunEvent, StepRun } from './rows.ts';

export interface Page<Row> {
  items: Row[];
  /** Undefined: this is the last page. */
  next: string | undefined;
}

/** Which page of a list. */
export interface Place {
  /** `next` of the page before. */
  cursor: string | undefined;
  /** How many rows a page has. */
  size: number;
}

/** From where and how `watch` reads. */
export interface WatchOptions {
  /** Only events after this `seq`; default: 0, all events. */
  after?: number | undefined;
  /** The interval of a read without a message, in milliseconds; default: 10 s. Only for users. */
  pollMs?: number | undefined;
}

export interface Backend {
  call<T>(operation: Operation, args: Args, signal: AbortSignal): Promise<T>;
  page<Row>(
    collection: Collection,
    filters: Args,
    place: Place,
    signal: AbortSignal,
  ): Promise<Page<Row>>;
  read<Row>(collection: Collection, id: string, signal: AbortSignal): Promise<Row>;
  create<Row>(collection: Collection, row: Args, signal: AbortSignal): Promise<Row>;
  change<Row>(collection: Collection, id: string, row: Args, signal: AbortSignal): Promise<Row>;
  remove(collection: Collection, id: string, signal: AbortSignal): Promise<void>;
  /** The id of the workflow with this name. */
  workflowId(workflow: string, signal: AbortSignal): Promise<string>;
  readRun(runId: string, signal: AbortSignal): Promise<Run>;
  readSteps(runId: string, signal: AbortSignal): Promise<StepRun[]>;
  /** The run when it has ended. */
  ended(runId: string, signal: AbortSignal): Promise<Run>;
  watch(runId: string, options: WatchOptions, signal: AbortSignal): AsyncGenerator<RunEvent, void>;
}
