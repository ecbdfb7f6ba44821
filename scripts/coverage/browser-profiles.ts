// Coverage of the web client in a browser: each profile has the code of a bundle, and its source map lies in the code.

import { readFile } from 'node:fs/promises';
import { addHits, type Coverage, type LineHits } from './lines.ts';
import { mappingsOf, type SourceMap } from './source-map.ts';
import { countsAt, type V8Script } from './v8.ts';

export interface BrowserScript extends V8Script {
  /** The code of the bundle, with its source map as a comment at the end. */
  source: string;
}

const INLINE_MAP = /\/\/# sourceMappingURL=data:application\/json;[^,]*base64,([\w+/=]+)\s*$/;

function mapOf(code: string): SourceMap | undefined {
  const [, encoded] = INLINE_MAP.exec(code) ?? [];
  if (encoded === undefined) return undefined;
  return JSON.parse(Buffer.from(encoded, 'base64').toString('utf8')) as SourceMap;
}

/**
 * `pathOf` gets a path as the bundle's source map names it: relative to the bundle. A line has the count of its leftmost piece
 * of code in the bundle.
 */
export async function readBrowserProfiles(
  files: readonly string[],
  pathOf: (path: string) => string | undefined,
): Promise<Coverage> {
  const coverage: Coverage = new Map();
  for (const file of files) {
    const scripts = JSON.parse(await readFile(file, 'utf8')) as BrowserScript[];
    for (const script of scripts) {
      const map = mapOf(script.source);
      if (!map) continue;
      const lineStarts = [0];
      for (const match of script.source.matchAll(/\n/g)) lineStarts.push(match.index + 1);
      const places = [...mappingsOf(map)]
        .map((place) => ({
          ...place,
          path: pathOf(place.source),
          offset: (lineStarts[place.generatedLine] ?? 0) + place.generatedColumn,
        }))
        .filter(({ path }) => path !== undefined)
        .sort((a, b) => a.offset - b.offset);
      const counts = countsAt(
        script,
        places.map(({ offset }) => offset),
      );
      const leftmost = new Map<string, Map<number, { column: number; count: number }>>();
      for (const [index, { path = '', line, column }] of places.entries()) {
        const lines = leftmost.get(path) ?? new Map();
        leftmost.set(path, lines);
        const known = lines.get(line);
        if (!known || column < known.column) lines.set(line, { column, count: counts[index] ?? 0 });
      }
      for (const [path, lines] of leftmost) {
        const hits: LineHits = new Map([...lines].map(([line, { count }]) => [line, count]));
        addHits(coverage, path, hits);
      }
    }
  }
  return coverage;
}
