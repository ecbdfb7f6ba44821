// The texts that models are writing, on their way to the watchers of runs. Pieces gather between two statements, so a step
// sends at most four messages a second, and a worker at most forty. The engine stores no piece and sends none again: watchers
// take the output of the step when it has ended.

import { type Clock, pause } from '../_shared/clock/clock.ts';
import type { Db } from '../_shared/db/pool.ts';
import { storableText, toStorableJson } from '../_shared/text/storable.ts';
import type { Work } from './engine/types.ts';
import { SingleJob } from './single-job.ts';
import type { TextStream } from './steps/types.ts';

const INTERVAL_MS = 250;
/** Pieces in one statement, each of another call. */
const MAX_BATCH = 10;
/** Characters in one piece; Realtime refuses large messages. */
const MAX_PIECE = 8_000;
/** Characters of one call; watchers see the rest when the step has ended. */
const MAX_TEXT = 200_000;

export interface TextPiece {
  step_run_id: string;
  fence: number;
  /** The number of the call of a model within the attempt, from 0. */
  call: number;
  /** Counts the pieces of the call, from 1. */
  seq: number;
  /** How many UTF-16 code units of the call's text precede the piece. */
  offset: number;
  text: string;
  /** The last piece of the call. */
  done: boolean;
  /** The text is longer than what is sent. */
  truncated: boolean;
}

type Attempt = Pick<Work, 'step_run_id' | 'fence'>;

export interface StepTexts {
  open(attempt: Attempt, call: number): TextStream;
}

export interface StepTextSenderOptions {
  send(pieces: readonly TextPiece[]): Promise<void>;
  clock: Clock;
  onError(message: string, error: unknown): void;
}

interface Waiting extends Attempt {
  call: number;
  seq: number;
  offset: number;
  text: string;
  length: number;
  done: boolean;
}

export class StepTextSender implements StepTexts {
  readonly #options: StepTextSenderOptions;
  readonly #job: SingleJob;
  /** Calls with text to send, in the order of their turns. */
  readonly #waiting = new Set<Waiting>();
  /** The worker sets it: an invocation ends when nothing is left. */
  onIdle: () => void = () => {};

  constructor(options: StepTextSenderOptions) {
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

  open({ step_run_id, fence }: Attempt, call: number): TextStream {
    const stream: Waiting = {
      ...{ step_run_id, fence, call },
      ...{ seq: 0, offset: 0, text: '', length: 0, done: false },
    };
    return {
      add: (text) => {
        // A step that is executed eagerly has no attempt yet.
        if (text === '' || stream.done || step_run_id === '') return;
        stream.text += text.slice(0, Math.max(0, MAX_TEXT - stream.length));
        stream.length += text.length;
        if (stream.text !== '') this.#wake(stream);
      },
      end: () => {
        if (stream.done) return;
        stream.done = true;
        // Without text there is nothing to end.
        if (stream.length > 0) this.#wake(stream);
      },
    };
  }

  #wake(stream: Waiting): void {
    this.#waiting.add(stream);
    this.#job.start();
  }

  async #run(): Promise<void> {
    const { send, clock, onError } = this.#options;
    // Pieces that arrive together are sent together.
    await Promise.resolve();
    while (this.#waiting.size > 0) {
      const pieces = [...this.#waiting].slice(0, MAX_BATCH).map((stream) => this.#take(stream));
      try {
        await send(pieces);
      } catch (error) {
        onError(`${pieces.length} pieces of text could not be sent`, error);
      }
      await pause(clock, INTERVAL_MS);
    }
  }

  /** The next piece of a call; a call with more text waits for its next turn. */
  #take(stream: Waiting): TextPiece {
    this.#waiting.delete(stream);
    const { step_run_id, fence, call, offset } = stream;
    const text = stream.text.slice(0, wholeLength(stream.text, MAX_PIECE));
    stream.text = stream.text.slice(text.length);
    stream.seq += 1;
    stream.offset += text.length;
    if (stream.text !== '') this.#waiting.add(stream);
    const done = stream.done && stream.text === '';
    const truncated = stream.length > MAX_TEXT;
    return { step_run_id, fence, call, seq: stream.seq, offset, text, done, truncated };
  }
}

/** At most `limit`, and not between the two halves of a character. */
function wholeLength(text: string, limit: number): number {
  const length = Math.min(text.length, limit);
  const last = text.charCodeAt(length - 1);
  return length > 1 && last >= 0xd800 && last <= 0xdbff ? length - 1 : length;
}

/**
 * Sends pieces with the engine function send_step_texts. A lost piece is not sent again, because the output of the step
 * replaces the text.
 */
export function createSendStepTexts(db: Db): StepTextSenderOptions['send'] {
  return async (pieces) => {
    const storable = pieces.map((piece) => ({ ...piece, text: storableText(piece.text) }));
    await db.query('select stepbase_engine.send_step_texts($1::jsonb)', [toStorableJson(storable)]);
  };
}
