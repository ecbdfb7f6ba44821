// Coverage of Node processes that run TypeScript without Vitest: the stack, and commands that tests start. Node only
// replaces types by blanks, so an offset of its profile is an offset of the source.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { addHits, type Coverage, type LineHits } from './lines.ts';
import { countsAt, type V8Script } from './v8.ts';

interface Lines {
  numbers: number[];
  /** Offset of the first character of each line that is no blank. */
  offsets: number[];
}

function linesOf(source: string): Lines {
  const lines: Lines = { numbers: [], offsets: [] };
  let start = 0;
  for (const [index, text] of source.split('\n').entries()) {
    const indent = text.search(/\S/);
    if (indent >= 0) {
      lines.numbers.push(index + 1);
      lines.offsets.push(start + indent);
    }
    start += text.length + 1;
  }
  return lines;
}

export async function readNodeProfiles(
  files: readonly string[],
  pathOf: (path: string) => string | undefined,
): Promise<Coverage> {
  const coverage: Coverage = new Map();
  const sources = new Map<string, Lines>();
  for (const file of files) {
    const { result } = JSON.parse(await readFile(file, 'utf8')) as { result: V8Script[] };
    for (const script of result) {
      if (!script.url.startsWith('file:')) continue;
      const absolute = fileURLToPath(script.url.replace(/[?#].*$/, ''));
      const path = pathOf(absolute);
      if (path === undefined) continue;
      const lines = sources.get(path) ?? linesOf(await readFile(absolute, 'utf8'));
      sources.set(path, lines);
      const counts = countsAt(script, lines.offsets);
      const hits: LineHits = new Map(lines.numbers.map((line, i) => [line, counts[i] ?? 0]));
      addHits(coverage, path, hits);
    }
  }
  return coverage;
}
