// The members of the application by id, for names of assignees and actors: `const people = usePeople()`.

import { useAppCode } from '../shared/app.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { readAll } from '../shared/read-all.ts';
import { supabase } from '../shared/supabase.ts';
import type { Person } from './task.ts';

const NO_ONE: ReadonlyMap<string, Person> = new Map();

export function usePeople(): ReadonlyMap<string, Person> {
  const app = useAppCode();
  const { data } = useAppQuery(
    ['app_members', 'people'],
    async () => {
      const members = await readAll(
        (from, to) =>
          supabase
            .from('app_members')
            .select('user_id')
            .eq('app_code', app)
            .not('accepted_at', 'is', null)
            .order('user_id')
            .range(from, to),
        ({ user_id }) => user_id,
      );
      const ids = members.map(({ user_id }) => user_id);
      const people = new Map<string, Person>();
      // The ids are part of the address, which may not become too long.
      for (let at = 0; at < ids.length; at += 100) {
        const found = await ask(
          supabase
            .from('users')
            .select('id,email,display_name')
            .in('id', ids.slice(at, at + 100)),
        );
        for (const person of found) people.set(person.id, person);
      }
      return people;
    },
    { staleTime: 60_000 },
  );
  return data ?? NO_ONE;
}
