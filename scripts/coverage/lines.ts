// Executed lines: how often each line of each file ran, and the merge of several reports.

/** Line (from 1) → how often it was executed. */
export type LineHits = Map<number, number>;

/** Path from the root of the repository → its lines. */
export type Coverage = Map<string, LineHits>;

export function addHits(coverage: Coverage, path: string, hits: LineHits): void {
  const known = coverage.get(path);
  if (!known) {
    coverage.set(path, new Map(hits));
    return;
  }
  for (const [line, count] of hits) known.set(line, (known.get(line) ?? 0) + count);
}

/**
 * The lines of `base` with the sum of their counts in all reports. `base` decides which lines are code, because each
 * tool counts comments and types in its own way; other lines and files of the reports do not count.
 */
export function mergeCoverage(base: Coverage, reports: readonly Coverage[]): Coverage {
  return new Map(
    [...base].map(([path, lines]) => [
      path,
      new Map(
        [...lines].map(([line, count]) => [
          line,
          reports.reduce((sum, report) => sum + (report.get(path)?.get(line) ?? 0), count),
        ]),
      ),
    ]),
  );
}
