// A list that is read page by page while it is iterated.
import type { Page, Place } from './backend.ts';
import { type CallOptions, withDeadline } from './time.ts';

/** The default time of one request. */
export const REQUEST_MS = 30_000;

/** The most rows that the HTTP API returns in a page. */
const PAGE = 200;

/** The options of a list. Signal and deadline apply to each of its requests. */
export interface ListOptions extends CallOptions {
  /** Rows of one request, 1 to 200; default: 200. */
  pageSize?: number | undefined;
}

export type ReadPage<Row> = (place: Place, signal: AbortSignal) => Promise<Page<Row>>;

/** `for await (const row of list)` reads all rows; `await list.toArray({ max })` reads the first ones. */
export class List<Row> implements AsyncIterable<Row> {
  readonly #what: string;
  readonly #read: ReadPage<Row>;
  readonly #options: ListOptions;

  /** @internal */
  constructor(what: string, read: ReadPage<Row>, options: ListOptions) {
    this.#what = what;
    this.#read = read;
    this.#options = options;
  }

  /** The deadline counts for each page. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Row, void, undefined> {
    const size = Math.min(this.#options.pageSize ?? PAGE, PAGE);
    let cursor: string | undefined;
    do {
      const page = await withDeadline(this.#what, this.#options, REQUEST_MS, (signal) =>
        this.#read({ cursor, size }, signal),
      );
      yield* page.items;
      cursor = page.next;
    } while (cursor !== undefined);
  }

  /** The first `max` rows; default: all. Rejects as the request of a page does. */
  async toArray({ max = Number.POSITIVE_INFINITY } = {}): Promise<Row[]> {
    const rows: Row[] = [];
    if (max <= 0) return rows;
    for await (const row of this) {
      rows.push(row);
      if (rows.length >= max) break;
    }
    return rows;
  }
}
