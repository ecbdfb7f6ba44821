// The growing text of a step: late and lost pieces, and the next call of a model.

import { expect, test } from 'vitest';
import { attemptKey, type StepTexts, withPiece } from '../../sdk/src/live/index.ts';

const attempt = { step_id: 'ask', item_index: 0, attempt: 1 };
const shown = (...pieces: [call: number, offset: number, text: string][]) =>
  pieces
    .reduce<StepTexts>(
      (texts, [call, offset, text]) => withPiece(texts, { ...attempt, call, offset, text }),
      new Map(),
    )
    .get(attemptKey(attempt))?.text;

test('pieces are put together; a late one changes nothing, and a lost one leaves a gap', () => {
  expect(shown([0, 0, 'Hel'], [0, 3, 'lo'])).toBe('Hello');
  expect(shown([0, 0, 'Hel'], [0, 3, 'lo'], [0, 3, 'lo'], [0, 0, 'Hel'])).toBe('Hello');
  expect(shown([0, 0, 'Hel'], [0, 5, ' you'])).toBe('Hel…… you');
});

test('the next call of a model begins another text', () => {
  expect(shown([0, 0, 'half'], [1, 0, 'who'], [0, 4, 'late'], [1, 3, 'le'])).toBe('whole');
});
