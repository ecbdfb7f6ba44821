// The Data API returns at most max_rows rows (1,000 by default) and does not tell that it has cut the answer. These
// functions read on until they have every row.

interface Page<Row> {
  data: Row[] | null;
  error: Error | null;
}

const PAGE = 1_000;

/**
 * All rows of a query, or its first `limit` rows. `page` runs the query for the rows `from` to `to`; its order must be
 * total, and `keyOf` identifies a row, because rows that are inserted meanwhile move others to the next page.
 */
export async function readAll<Row>(
  page: (from: number, to: number) => PromiseLike<Page<Row>>,
  keyOf: (row: Row) => string,
  limit = Number.POSITIVE_INFINITY,
): Promise<Row[]> {
  const rows = new Map<string, Row>();
  let from = 0;
  /** The length of a full page: the server may return less than PAGE. */
  let full = 0;
  while (from < limit) {
    const { data, error } = await page(from, Math.min(from + PAGE, limit) - 1);
    if (error) throw error;
    const found = data ?? [];
    for (const row of found) rows.set(keyOf(row), row);
    from += found.length;
    if (found.length < Math.max(full, 1) || (full === 0 && found.length < SMALLEST_CAP)) break;
    full = Math.max(full, found.length);
  }
  return [...rows.values()];
}

/** No project has a max_rows below this, so a shorter first page is the whole answer. */
const SMALLEST_CAP = 100;
