// The advisors find a table that breaks their rules, and this finding cannot be accepted.

import { expect, test } from 'vitest';
import { findings, judge, readAccepted } from '../../scripts/database/advisors.ts';
import { freshDatabase, pool } from '../support/stack.ts';

test('a table without row-level security and a view that bypasses it are refused', async () => {
  const database = await freshDatabase();
  await pool(database.url).query(`
    create table public.canary (id int primary key, owner int references public.canary (id));
    grant select on public.canary to anon, authenticated;
    create view public.canary_view as select id from public.canary;
    grant select on public.canary_view to anon, authenticated;
    create function public.canary_reader() returns int language sql as 'select 1';
  `);
  const found = await findings(database.url);
  const everything = [{ lint: '.*', match: '.*', reason: 'tries to accept everything' }];
  const refused = judge(found, [...readAccepted(), ...everything]).refused;
  const names = new Set(refused.map(({ name }) => name));
  expect([...names].sort()).toEqual([
    'function_search_path_mutable',
    'rls_disabled_in_public',
    'security_definer_view',
    'unindexed_foreign_keys',
  ]);
  expect(judge([], readAccepted()).stale).toEqual(readAccepted());
});
