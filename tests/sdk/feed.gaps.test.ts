// The live feed of a run reads every notified row, also after lost or late messages.

import { expect, test } from 'vitest';
import { createFeed, type RunMessage } from '../../sdk/src/live/index.ts';
import { waitFor } from '../support/stack.ts';

interface Rows {
  seq: number;
}

function feedOver(load: () => Promise<Rows>, again = false) {
  const shown: { seq: number; ahead: readonly RunMessage[] }[] = [];
  const errors: unknown[] = [];
  const feed = createFeed<Rows>({
    load,
    onChange: ({ seq }, ahead) => shown.push({ seq, ahead: [...ahead] }),
    onError: (error) => {
      errors.push(error);
      return again ? 'again' : undefined;
    },
    gatherMs: 1,
    retryMs: 1,
  });
  return { feed, shown, errors };
}

test('a message is shown at once, and its row is read afterwards', async () => {
  let seq = 3;
  const { feed, shown } = feedOver(() => Promise.resolve({ seq }));
  feed.refresh();
  await waitFor('the first snapshot', () => shown.length > 0);
  seq = 4;
  feed.receive({
    seq: 4,
    status: 'running',
    steps: [{ step_id: 'a', item_index: 0, attempt: 1, status: 'running' }],
  });
  expect(shown.at(-1)?.ahead.map((m) => m.seq)).toEqual([4]);
  await waitFor('the row of the message', () => shown.at(-1)?.seq === 4);
  expect(shown.at(-1)?.ahead).toEqual([]);
  feed.stop();
});

test('a row that becomes visible after its message is read again until it is found', async () => {
  let reads = 0;
  const { feed, shown } = feedOver(() => {
    reads += 1;
    return Promise.resolve({ seq: reads < 4 ? 1 : 9 });
  });
  feed.refresh();
  feed.receive({ seq: 9, status: 'completed' });
  await waitFor('the late row', () => shown.at(-1)?.seq === 9);
  expect(shown.at(-1)?.ahead).toEqual([]);
  feed.stop();
});

test('an older response never replaces a newer one, and a new join reads missed rows', async () => {
  const answers = [5, 2, 7];
  const { feed, shown } = feedOver(() => Promise.resolve({ seq: answers.shift() ?? 7 }));
  feed.refresh();
  await waitFor('the snapshot', () => shown.at(-1)?.seq === 5);
  feed.refresh();
  await waitFor('the older response', () => shown.length === 2);
  expect(shown.at(-1)?.seq).toBe(5);
  feed.refresh();
  await waitFor('the missed row', () => shown.at(-1)?.seq === 7);
  feed.stop();
});

test('a run that cannot be read is reported, and a stopped feed calls no listener', async () => {
  const { feed, shown, errors } = feedOver(() => Promise.reject(new Error('refused')));
  feed.refresh();
  await waitFor('the error', () => errors.length === 1);
  feed.stop();
  feed.receive({ seq: 1 });
  expect(shown).toEqual([]);
});

test('a read that fails is repeated until it succeeds, if the listener asks for it', async () => {
  let reads = 0;
  const { feed, shown, errors } = feedOver(() => {
    reads += 1;
    return reads < 4 ? Promise.reject(new Error('away')) : Promise.resolve({ seq: 3 });
  }, true);
  feed.refresh();
  await waitFor('the rows', () => shown.at(-1)?.seq === 3);
  expect(errors).toHaveLength(3);
  feed.stop();
});

test('a lost last message is made up by the poll, which stops when it is no longer wanted', async () => {
  let seq = 1;
  let visible = false;
  let reads = 0;
  const shown: number[] = [];
  const feed = createFeed<Rows>({
    load: () => {
      reads += 1;
      return Promise.resolve({ seq });
    },
    onChange: (rows) => shown.push(rows.seq),
    onError: () => undefined,
    // 9 is the last event of the run.
    poll: { everyMs: 1, isWanted: (rows) => visible && rows.seq < 9 },
  });
  feed.refresh();
  await waitFor('the snapshot', () => shown.at(-1) === 1);
  seq = 9;
  expect(reads).toBe(1);
  visible = true;
  await waitFor('the row without a message', () => shown.at(-1) === 9);
  const done = reads;
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(reads).toBe(done);
  feed.stop();
});
