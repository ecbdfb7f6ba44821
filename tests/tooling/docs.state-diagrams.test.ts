// The state diagrams show the transitions that the database allows.

import { expect, it } from 'vitest';
import { readTransitions, withDrawings } from '../../scripts/docs/state-diagrams.ts';
import { pool } from '../support/stack.ts';
import { read } from './docs-pages.ts';

const db = pool();

it('the lifecycle page is up to date', () => {
  const page = read('docs/concepts/lifecycle.md');
  expect(withDrawings(page, readTransitions())).toBe(page);
});

it('the diagrams are drawn from the rows of the database', async () => {
  const { rows } = await db.query(
    `select entity, from_status, to_status, reason from stepbase_engine.transitions
     order by entity, from_status, to_status`,
  );
  const key = (row: { entity: string; from_status: string; to_status: string }) =>
    `${row.entity} ${row.from_status} ${row.to_status}`;
  const drawn = readTransitions().toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
  expect(drawn).toEqual(rows.toSorted((a, b) => (key(a) < key(b) ? -1 : 1)));
});
