// Rows of text in columns, for a terminal.

export function columns(rows: readonly string[][], indent = ''): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((r) => (r[at] ?? '').length)));
  return rows
    .map(
      (cells) =>
        indent +
        cells
          .map((cell, at) => cell.padEnd(widths[at] ?? 0))
          .join('  ')
          .trimEnd(),
    )
    .join('\n');
}
