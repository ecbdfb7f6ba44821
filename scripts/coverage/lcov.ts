// Coverage reports in the lcov format: reading and writing the records of lines.

import { addHits, type Coverage, type LineHits } from './lines.ts';

/** `pathOf` turns a path of the report into one from the root; undefined drops the file. */
export function readLcov(text: string, pathOf: (path: string) => string | undefined): Coverage {
  const coverage: Coverage = new Map();
  let path: string | undefined;
  let lines: LineHits = new Map();
  for (const record of text.split('\n')) {
    if (record.startsWith('SF:')) {
      path = pathOf(record.slice('SF:'.length).trim());
      lines = new Map();
    } else if (record.startsWith('end_of_record')) {
      if (path !== undefined) addHits(coverage, path, lines);
    } else {
      const [, line, hits] = /^DA:(\d+),(\d+)/.exec(record) ?? [];
      if (line !== undefined) lines.set(Number(line), Number(hits));
    }
  }
  return coverage;
}

export function writeLcov(coverage: Coverage): string {
  return [...coverage]
    .sort(([a], [b]) => a.localeCompare(b))
    .flatMap(([path, lines]) => [
      `SF:${path}`,
      ...[...lines].sort(([a], [b]) => a - b).map(([line, hits]) => `DA:${line},${hits}`),
      'end_of_record',
    ])
    .join('\n')
    .concat('\n');
}
