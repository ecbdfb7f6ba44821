// Reads of a list that overlap, as when a person changes the filter before the answer has come.

import { expect, test } from 'vitest';
import { createNewest } from '../../web/src/live/newest.ts';

test('a read shows its answer or its error, unless a later one has shown its own', async () => {
  const shown: unknown[] = [];
  const show = (value: unknown) => shown.push(value);
  const newest = createNewest();
  const begin = () => {
    const answer = Promise.withResolvers<string>();
    return { ...answer, read: newest.read(() => answer.promise, show, show) };
  };
  const [first, slow, broken, last] = [begin(), begin(), begin(), begin()];
  first.resolve('first');
  await first.read;
  last.resolve('last');
  await last.read;
  slow.resolve('slow');
  broken.reject(new Error('broken'));
  await Promise.all([slow.read, broken.read]);
  expect(shown).toEqual(['first', 'last']);

  const left = begin();
  newest.leave();
  left.resolve('left');
  await left.read;
  const refused = begin();
  refused.reject(new Error('refused'));
  await refused.read;
  expect(shown).toEqual(['first', 'last', new Error('refused')]);
});
