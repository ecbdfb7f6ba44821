// The texts that models are writing, from the messages of a run. They are not stored: the output of a step replaces them.

/** A piece of the text that a model is writing. */
export interface TextPiece {
  /** The step. */
  step_id: string;
  /** 0: the step itself; from 1 on: an item of a for_each. */
  item_index: number;
  /** Counts from 1. */
  attempt: number;
  /** The call of a model within the attempt. */
  call: number;
  /** The length of the text before the piece. */
  offset: number;
  /** The piece. */
  text: string;
}

export function isPiece(payload: unknown): payload is TextPiece {
  return (
    typeof payload === 'object' &&
    payload !== null &&
    'text' in payload &&
    typeof payload.text === 'string' &&
    'offset' in payload &&
    Number.isSafeInteger(payload.offset)
  );
}

/** The text of an attempt so far. */
export interface StepText {
  /** The call of a model within the attempt. */
  call: number;
  /** Begins with the first piece; a lost piece is a gap of `…`. */
  text: string;
}

/** By attempt; see attemptKey. */
export type StepTexts = ReadonlyMap<string, StepText>;

/** The key of an attempt in `StepTexts`. */
export const attemptKey = (step: Pick<TextPiece, 'step_id' | 'item_index' | 'attempt'>): string =>
  [step.step_id, step.item_index, step.attempt].join(':');

/** A later call replaces the text. A piece that comes late changes nothing, and a lost one leaves a gap. */
export function withPiece(texts: StepTexts, piece: TextPiece): StepTexts {
  const key = attemptKey(piece);
  const known = texts.get(key);
  const before = known?.call === piece.call ? known.text : '';
  if (piece.call < (known?.call ?? 0) || piece.offset < before.length) return texts;
  const text = before.padEnd(piece.offset, '…') + piece.text;
  return new Map(texts).set(key, { call: piece.call, text });
}
