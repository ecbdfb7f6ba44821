// The log lines of attempts, on their way to the database. Lines gather while a statement writes the ones before, so a
// busy worker writes many with one statement, and an attempt never waits for its lines. They are for persons: a worker
// that crashes loses the lines that it has not written, and a database that refuses them does not fail the step.

import type { Clock } from '../_shared/clock/clock.ts';
import type { Db } from '../_shared/db/pool.ts';
import { retry } from '../_shared/db/retry.ts';
import { toStorableJson } from '../_shared/text/storable.ts';
import type { Work } from './engine/types.ts';
import { SingleJob } from './single-job.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Lines that wait at the same time; beyond it, new ones are dropped. */
const MAX_WAITING = 10_000;
/** Lines in one statement. */
const MAX_BATCH = 500;

export interface LogLine {
  level: LogLevel;
  message: string;
  data?: Record<string, unknown>;
  at: string;
}

export interface AttemptLines {
  stepRunId: string;
  fence: number;
  lines: LogLine[];
}

type Attempt = Pick<Work, 'step_run_id' | 'fence'>;

export interface StepLogs {
  /** Keeps the line if its level is written. A step that is executed eagerly has no attempt yet: its lines are dropped. */
  add(attempt: Attempt, level: LogLevel, message: string, data?: Record<string, unknown>): void;
}

export interface StepLogWriterOptions {
  write(attempts: readonly AttemptLines[]): Promise<void>;
  clock: Clock;
  /** The lowest level that is written. */
  level: LogLevel | 'off';
  onError(message: string, error: unknown): void;
}

export class StepLogWriter implements StepLogs {
  readonly #options: StepLogWriterOptions;
  readonly #job: SingleJob;
  #waiting: { attempt: Attempt; line: LogLine }[] = [];
  #dropped = 0;
  /** The worker sets it: an invocation ends when nothing is left. */
  onIdle: () => void = () => {};

  constructor(options: StepLogWriterOptions) {
    this.#options = options;
    this.#job = new SingleJob(
      () => this.#run(),
      () => this.onIdle(),
    );
  }

  get isBusy(): boolean {
    return this.#job.isBusy;
  }

  settled(): Promise<void> {
    return this.#job.settled();
  }

  add(attempt: Attempt, level: LogLevel, message: string, data?: Record<string, unknown>): void {
    const { level: lowest, clock } = this.#options;
    if (lowest === 'off' || LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(lowest)) return;
    if (attempt.step_run_id === '') return;
    if (this.#waiting.length >= MAX_WAITING) {
      this.#dropped += 1;
      return;
    }
    const at = new Date(clock.epoch()).toISOString();
    const line = { level, message, ...(data === undefined ? {} : { data }), at };
    this.#waiting.push({ attempt, line });
    this.#job.start();
  }

  async #run(): Promise<void> {
    const { write, onError } = this.#options;
    // Lines that an attempt adds in one go are written together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, MAX_BATCH);
      try {
        await write(byAttempt(batch));
      } catch (error) {
        onError(`${batch.length} log lines of steps could not be written`, error);
      }
    }
    if (this.#dropped > 0) {
      onError(`${this.#dropped} log lines of steps were dropped`, 'too many lines were waiting');
      this.#dropped = 0;
    }
  }
}

function byAttempt(batch: readonly { attempt: Attempt; line: LogLine }[]): AttemptLines[] {
  const attempts = new Map<string, AttemptLines>();
  for (const { attempt, line } of batch) {
    const key = `${attempt.step_run_id}:${attempt.fence}`;
    const lines = attempts.get(key)?.lines ?? [];
    lines.push(line);
    attempts.set(key, { stepRunId: attempt.step_run_id, fence: attempt.fence, lines });
  }
  return [...attempts.values()];
}

/** Writes lines with the engine function write_step_logs (*_append_step_logs.sql). */
export function createWriteStepLogs(db: Db, clock: Clock): StepLogWriterOptions['write'] {
  return async (attempts) => {
    await retry(
      () =>
        db.query('select stepbase_engine.write_step_logs($1::uuid[], $2::int[], $3::jsonb[])', [
          attempts.map(({ stepRunId }) => stepRunId),
          attempts.map(({ fence }) => fence),
          attempts.map(({ lines }) => toStorableJson(lines)),
        ]),
      { clock },
    );
  };
}
