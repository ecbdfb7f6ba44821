// The records of a run. They are written in order, as one change of the memo for all of an activation or less.

import { upsertMemo } from '@temporalio/workflow';
import { type Json, RECORDS, type StepRecord } from '../records.ts';

/** Bytes of records in one change, estimated; Temporal refuses a memo of 2 MB. */
const MAX_CHARS = 500_000;

export class Journal {
  #waiting: StepRecord[] = [];
  #chars = 0;

  add(record: StepRecord): void {
    const chars = JSON.stringify(record).length;
    if (this.#chars + chars > MAX_CHARS) this.write();
    this.#chars += chars;
    this.#waiting.push(record);
    // A branch that ends here schedules nothing that would write it.
    if (this.#waiting.length === 1) void Promise.resolve().then(() => this.write());
  }

  /** Before a command to Temporal, so that the history has the records first. */
  write(): void {
    if (this.#waiting.length === 0) return;
    const records = this.#waiting;
    this.#waiting = [];
    this.#chars = 0;
    upsertMemo({ [RECORDS]: records as unknown as Json });
  }
}
