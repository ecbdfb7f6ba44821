// Where in a file a step stands, so that an editor can open the place of a fault.
import { extname } from 'node:path';

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** The line of a step, counted from 1; undefined: the code makes its id in another way. */
export function lineOfStep(text: string, file: string, step: string): number | undefined {
  const id = escaped(step);
  const pattern =
    extname(file) === '.json'
      ? new RegExp(`"id"\\s*:\\s*"${id}"`)
      : new RegExp(`\\.\\w+\\(\\s*['"\`]${id}['"\`]|\\bid\\s*:\\s*['"\`]${id}['"\`]`);
  const at = text.search(pattern);
  if (at === -1) return undefined;
  const before = text.slice(0, at + (text.slice(at).match(pattern)?.[0].length ?? 0));
  return before.split('\n').length;
}
