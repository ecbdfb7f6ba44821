// The filter of the list of runs: what the address holds, and what search_runs gets.

import { expect, test } from 'vitest';
import { filterOf, inputInWords, meanings, valuesOf } from '../../web/src/runs/filter.ts';

const NOW = Date.parse('2026-11-30T10:00:30Z');
const ID = '0193a0f0-0000-7000-8000-00000000abcd';

test('values of the address become the filter of search_runs, others are left out', () => {
  const values = valuesOf({
    status: 'failed,timed_out',
    workflow: 'order-shipping',
    version: 3,
    since: '1h',
    from: '2026-01-01T00:00:00Z',
    trigger: 'schedule',
    tag: 'vip,eu',
    operation: ID,
    input: 'order_id=777,customer.id=9',
    page: '2',
    key: '',
  });
  expect(values).not.toHaveProperty('page');
  expect(values).not.toHaveProperty('key');
  expect(filterOf(values, NOW)).toEqual({
    status: ['failed', 'timed_out'],
    workflow: 'order-shipping',
    version: 3,
    created_from: '2026-11-30T09:00:00.000Z',
    trigger_type: ['schedule'],
    tag: ['vip', 'eu'],
    operation: ID,
    input: { order_id: '777', 'customer.id': '9' },
  });
});

test('a version needs one workflow, and times without a span are kept', () => {
  const { from, before } = { from: '2026-01-01T00:00:00Z', before: '2026-02-01T00:00:00Z' };
  expect(filterOf({ workflow: 'a,b', version: '3', from, before }, NOW)).toEqual({
    workflow: ['a', 'b'],
    created_from: from,
    created_before: before,
  });
});

test('a text of the search box may be an id, a pair, a key, an input value or a tag', () => {
  expect(meanings(` ${ID.toUpperCase()} `, ['order_id'])).toEqual([{ id: ID }]);
  expect(meanings('order_id = 777', ['order_id'])).toEqual([{ input: 'order_id=777' }]);
  expect(meanings('777', ['order_id'])).toEqual([
    { key: '777' },
    { input: 'order_id=777' },
    { tag: '777' },
    { text: '777' },
  ]);
  expect(meanings('a,b', ['order_id'])).toEqual([{ key: 'a,b' }, { text: 'a,b' }]);
  expect(meanings('  ', [])).toEqual([]);
});

test('an input is shown in words, also when its text is cut', () => {
  expect(inputInWords('{"order_id": 777, "email": "kim@acme.example", "note": ""}')).toBe(
    'order_id 777 · email kim@acme.example',
  );
  expect(inputInWords('{"customer": {"name": "Kim"}, "cut": "abc')).toBe('name Kim');
  expect(inputInWords('{}')).toBe('');
  expect(inputInWords(null)).toBe('large input');
});
