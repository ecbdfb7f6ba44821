// The differences of two contexts as places with the value before and after.

import { expect, test } from 'vitest';
import { differences } from '../../web/src/run/data/differences.ts';

test('added, removed, changed and moved values have their places', () => {
  const before = {
    a: 1,
    gone: { x: 1 },
    list: [
      { id: 1, n: 1 },
      { id: 2, n: 2 },
    ],
    'a key': 'x',
  };
  const after = {
    a: 2,
    fresh: null,
    list: [
      { id: 2, n: 3 },
      { id: 1, n: 1 },
    ],
    'a key': 'y',
  };
  expect(differences(before, after).sort((a, b) => a.path.localeCompare(b.path))).toEqual([
    { path: '["a key"]', kind: 'changed', before: 'x', after: 'y' },
    { path: 'a', kind: 'changed', before: 1, after: 2 },
    { path: 'fresh', kind: 'added', after: null },
    { path: 'gone', kind: 'removed', before: { x: 1 } },
    { path: 'list[0].n', kind: 'changed', before: 2, after: 3 },
    { path: 'list[1]', kind: 'moved', before: { id: 2, n: 2 }, after: 'to [0]' },
  ]);
  expect(differences(before, before)).toEqual([]);
  expect(differences({}, 'text')).toEqual([
    { path: '', kind: 'changed', before: {}, after: 'text' },
  ]);
  // Long texts stay texts: no patch in the format of another program.
  const [long] = differences({ t: 'x'.repeat(500) }, { t: `${'x'.repeat(499)}y` });
  expect(long).toMatchObject({ path: 't', kind: 'changed', after: `${'x'.repeat(499)}y` });
});
