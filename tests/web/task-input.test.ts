// The input of a run in the words of its schema, as the page of a task shows it, and who may act on a task.

import { expect, test } from 'vitest';
import { inputFacts } from '../../web/src/tasks/input-facts.ts';
import { mayAct, type TaskRow } from '../../web/src/tasks/task.ts';

test('titles of the schema name the values, and nested ones stay JSON', () => {
  const schema = { properties: { total: { type: 'number', title: 'Total in euros' } } };
  const input = {
    total: 12.5,
    order_id: 'A-1',
    isNew: true,
    tags: ['a', 'b'],
    empty: '',
    none: null,
    address: { city: 'London' },
    long: 'x'.repeat(501),
  };
  expect(inputFacts(input, schema)).toEqual({
    facts: [
      { label: 'Total in euros', text: '12.5' },
      { label: 'Order id', text: 'A-1' },
      { label: 'Is new', text: 'Yes' },
      { label: 'Tags', text: 'a, b' },
    ],
    rest: { address: { city: 'London' }, long: 'x'.repeat(501) },
  });
});

test('an input without an object is shown as it is', () => {
  expect(inputFacts(null, null)).toEqual({ facts: [], rest: undefined });
  expect(inputFacts([1], { type: 'array' })).toEqual({ facts: [], rest: [1] });
  expect(inputFacts({}, { properties: 7 })).toEqual({ facts: [], rest: undefined });
});

const app = (role: string, ...permissions: string[]) => ({
  userId: 'me',
  role,
  permissions: new Set(permissions),
});
const task = (assigned: Partial<TaskRow> = {}) =>
  ({
    assigned_to: null,
    assigned_users: null,
    assigned_roles: null,
    assigned_at: null,
    ...assigned,
  }) as TaskRow;
const ASSIGNED = { assigned_at: '2026-01-01T00:00:00Z' };

test.each([
  ['anyone who completes tasks', task(), app('developer', 'task:complete'), true],
  ['a viewer', task(), app('viewer', 'run:read'), false],
  ['a viewer who is the assignee', task({ ...ASSIGNED, assigned_to: 'me' }), app('viewer'), true],
  [
    'one of several assignees',
    task({ ...ASSIGNED, assigned_users: ['a', 'me'] }),
    app('viewer'),
    true,
  ],
  [
    'another member',
    task({ ...ASSIGNED, assigned_to: 'a' }),
    app('developer', 'task:complete'),
    false,
  ],
  [
    'an administrator',
    task({ ...ASSIGNED, assigned_to: 'a' }),
    app('admin', 'member:manage'),
    true,
  ],
  ['the role', task({ assigned_roles: ['finance'] }), app('finance', 'task:complete'), true],
  ['another role', task({ assigned_roles: ['finance'] }), app('developer', 'task:complete'), false],
  ['a task of a deleted assignee', task(ASSIGNED), app('developer', 'task:complete'), false],
])('%s', (_name, row, person, expected) => {
  expect(mayAct(row, person)).toBe(expected);
});
