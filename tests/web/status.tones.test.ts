// Each status that a row of the database can have has a tone of its badge.

import { expect, test } from 'vitest';
import { TONES } from '../../web/src/shared/status-tones.ts';
import { pool } from '../support/stack.ts';

/** The names of the look-up tables, and those that a check of a column `status`, `outcome` or `verdict` allows. */
const NAMES = `
  select distinct n.name
  from pg_constraint c
  join pg_attribute a on a.attrelid = c.conrelid and a.attnum = any(c.conkey)
  cross join lateral (
    select m[1] as name from regexp_matches(pg_get_constraintdef(c.oid), '''([a-z_]+)''::text', 'g') m
  ) n
  where c.contype = 'c' and c.connamespace = 'stepbase'::regnamespace and cardinality(c.conkey) = 1
    and a.attname in ('status', 'outcome', 'verdict')
  union
  select name from stepbase.run_statuses
  union
  select name from stepbase.step_statuses
  union
  select name from stepbase.workflow_statuses
  union
  select name from stepbase.worker_statuses
  union
  select name from stepbase.work_item_statuses`;

test('every status has a tone', async () => {
  const { rows } = await pool().query<{ name: string }>(NAMES);
  expect(rows.length).toBeGreaterThan(30);
  expect(rows.filter(({ name }) => !(name in TONES)).map(({ name }) => name)).toEqual([]);
});

test('a failure is danger, and a tone is one that has a colour', () => {
  expect([...new Set(Object.values(TONES))].sort()).toEqual([
    'danger',
    'done',
    'neutral',
    'running',
    'waiting',
  ]);
  for (const name of ['failed', 'timed_out', 'bad_signature']) expect(TONES[name]).toBe('danger');
});
