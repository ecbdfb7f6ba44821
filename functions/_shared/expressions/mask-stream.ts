// Masking of a text that arrives in pieces. A secret can be split over two of them, so the end of a piece that may be the
// beginning of a secret waits for the next piece.

import { createMask, maskForms } from './mask.ts';

export interface MaskedText {
  /** Returns what may be shown now. */
  add(piece: string): string;
  /** Returns the rest. */
  end(): string;
}

export function createMaskedText(secrets: readonly string[]): MaskedText {
  const forms = maskForms(secrets);
  const mask = createMask(secrets);
  let held = '';
  return {
    add(piece) {
      held += piece;
      const length = safeLength(held, forms);
      const shown = mask(held.slice(0, length));
      held = held.slice(length);
      return shown;
    },
    end() {
      const shown = mask(held);
      held = '';
      return shown;
    },
  };
}

/** How much of a text no later piece can turn into a secret, or a part of one. */
function safeLength(text: string, forms: readonly string[]): number {
  let length = text.length;
  for (const form of forms) {
    const [first = ''] = form;
    let at = text.indexOf(first, Math.max(0, text.length - form.length + 1));
    while (at !== -1 && at < length) {
      if (form.startsWith(text.slice(at))) length = at;
      at = text.indexOf(first, at + 1);
    }
  }
  // A secret that is complete must not be cut: its two halves would not be masked.
  for (let previous = -1; previous !== length; ) {
    previous = length;
    for (const form of forms) {
      let at = text.indexOf(form, Math.max(0, length - form.length + 1));
      while (at !== -1 && at < length) {
        if (at + form.length > length) length = at;
        at = text.indexOf(form, at + 1);
      }
    }
  }
  return length;
}
