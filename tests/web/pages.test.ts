// Reading all rows of a query through a server that returns only some of them per request.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readAll } from '../../web/src/shared/read-all.ts';

function server(total: number, maxRows: number) {
  let requests = 0;
  const page = (from: number, to: number) => {
    requests += 1;
    const size = Math.min(to - from + 1, maxRows, Math.max(0, total - from));
    return Promise.resolve({ data: Array.from({ length: size }, (_, i) => from + i), error: null });
  };
  return { page, requests: () => requests };
}

test('every row is read once, in order, for every cap of the server', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 5_000 }),
      fc.integer({ min: 100, max: 1_500 }),
      async (total, maxRows) => {
        const rows = await readAll(server(total, maxRows).page, String);
        expect(rows).toEqual(Array.from({ length: total }, (_, i) => i));
      },
    ),
  );
});

test('a limit is kept', async () => {
  for (const [total, limit] of [
    [3_000, 2_001],
    [1_200, 1_500],
    [0, 10],
    [10, 10],
  ] as const) {
    const rows = await readAll(server(total, 1_000).page, String, limit);
    expect(rows).toHaveLength(Math.min(total, limit));
  }
});

test('a short answer costs one request', async () => {
  const { page, requests } = server(40, 1_000);
  await readAll(page, String);
  expect(requests()).toBe(1);
});

test('a row that moves to the next page is read once', async () => {
  const pages = [Array.from({ length: 1_000 }, (_, i) => i), [999, 1_000]];
  const rows = await readAll(
    () => Promise.resolve({ data: pages.shift() ?? [], error: null }),
    String,
  );
  expect(rows).toHaveLength(1_001);
});

test('an error of a later page is thrown', async () => {
  const failed = { data: null, error: new Error('gone') };
  const { page } = server(1_500, 1_000);
  const read = (from: number, to: number) => (from > 0 ? Promise.resolve(failed) : page(from, to));
  await expect(readAll(read, String)).rejects.toThrow('gone');
});
