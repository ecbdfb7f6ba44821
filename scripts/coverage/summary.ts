// The sums of a coverage by area, as a table and as JSON.

import type { Coverage } from './lines.ts';

export interface Sum {
  area: string;
  files: number;
  lines: number;
  covered: number;
  percent: number;
}

export interface Summary {
  areas: Sum[];
  total: Sum;
  /** The files with the most lines that no test executes. */
  least: Sum[];
}

const LISTED_FILES = 15;

function sumOf(area: string, files: ReadonlyArray<ReadonlyMap<number, number>>): Sum {
  const hits = files.flatMap((lines) => [...lines.values()]);
  const covered = hits.filter((count) => count > 0).length;
  const percent = hits.length === 0 ? 0 : (100 * covered) / hits.length;
  return { area, files: files.length, lines: hits.length, covered, percent };
}

/** `areaOf` groups the files; the areas are in the order of their names. */
export function summarize(coverage: Coverage, areaOf: (path: string) => string): Summary {
  const areas = Map.groupBy(coverage, ([path]) => areaOf(path));
  const missed = ({ lines, covered }: Sum) => lines - covered;
  return {
    areas: [...areas]
      .map(([area, files]) =>
        sumOf(
          area,
          files.map(([, lines]) => lines),
        ),
      )
      .sort((a, b) => a.area.localeCompare(b.area)),
    total: sumOf('total', [...coverage.values()]),
    least: [...coverage]
      .map(([path, lines]) => sumOf(path, [lines]))
      .filter((sum) => missed(sum) > 0)
      .sort((a, b) => missed(b) - missed(a) || a.area.localeCompare(b.area))
      .slice(0, LISTED_FILES),
  };
}

function tableOf(title: string, sums: readonly Sum[]): string {
  const rows = [
    [title, 'files', 'lines', 'executed', '%'],
    ...sums.map(({ area, files, lines, covered, percent }) => [
      area,
      String(files),
      String(lines),
      String(covered),
      percent.toFixed(1),
    ]),
  ];
  const widths = rows[0]?.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => {
          const width = widths?.[column] ?? 0;
          return column === 0 ? cell.padEnd(width) : cell.padStart(width);
        })
        .join('  '),
    )
    .join('\n');
}

export function printedSummary({ areas, total, least }: Summary): string {
  return `${tableOf('area', [...areas, total])}\n\n${tableOf('most lines without a test', least)}`;
}
