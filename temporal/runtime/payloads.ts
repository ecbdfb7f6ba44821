// Outputs that are too large together for a payload of Temporal, which refuses 2 MB: a mark stands for the largest ones, and
// the activity reads them from the database, where the bridge has mirrored them.

import type { Json } from '../records.ts';

export const MIRRORED: Json = { $stepbase: 'mirrored' };

/** A step can return the same object: then the database has it, too. */
export const isMirrored = (output: unknown): boolean =>
  (output as { $stepbase?: unknown } | null)?.$stepbase === 'mirrored';

/** A character has at most three bytes. */
export const MAX_OUTPUTS_CHARS = 400_000;

const charsOf = (output: Json): number => JSON.stringify(output ?? null).length;

/** The outputs by name, the largest ones as marks, with at most `most` characters together if that is possible. */
export function fitting(outputs: Record<string, Json>, most: number): Record<string, Json> {
  const sizes = Object.entries(outputs).map(([name, output]) => ({ name, chars: charsOf(output) }));
  let left = sizes.reduce((sum, { chars }) => sum + chars, 0);
  if (left <= most) return outputs;
  const fitted = { ...outputs };
  for (const { name, chars } of sizes.sort((a, b) => b.chars - a.chars)) {
    if (left <= most) break;
    fitted[name] = MIRRORED;
    left -= chars;
  }
  return fitted;
}
