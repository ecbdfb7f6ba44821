// Functions of the project that steps call, and tables whose changes start runs.

import {
  type ChaosContext,
  completedWith,
  edges,
  type Kind,
  node,
  slowly,
  value,
} from '../kind.ts';

export function sql({ shop, suffix }: ChaosContext): Kind[] {
  const slow = slowly(shop);
  const schema = `chaos_${suffix}`;
  return [
    {
      name: 'calling',
      setUp: `
        create schema ${schema};
        create table ${schema}.calls (run_id uuid, n int);
        create function ${schema}.record(n int) returns int
        language sql security definer set search_path = '' as $$
          insert into ${schema}.calls
          values ((current_setting('request.jwt.claims')::jsonb ->> 'run_id')::uuid, record.n)
          returning n
        $$;
        select stepbase.allow_function('${schema}.record(int)', 'acme');
        select stepbase.create_database_trigger(
          '${schema}.calls', '{insert}', 'changed-${suffix}', app => 'acme', name => '${schema}',
          mapping => '{"n": "n", "caller": "run_id"}'
        )`,
      definition: {
        nodes: [
          slow('a', 20),
          node('call', 'sql_function', {
            function: `${schema}.record`,
            arguments: { n: '{{ input.n }}' },
          }),
          slow('b', 20),
          value('z', 'steps.call.output'),
        ],
        edges: edges('a call', 'call b', 'b z'),
      },
      right: completedWith((n) => ({ z: n })),
      // Each run called the function once, and the row that the function wrote started one run.
      together: `
        select r.id from stepbase.runs r where r.workflow_id = $1 and (
          (select count(*) from ${schema}.calls c where c.run_id = r.id) <> 1
          or (
            select count(*) from stepbase.runs started
            where started.trigger_type = 'database' and started.input ->> 'caller' = r.id::text
          ) <> 1
        )`,
    },
    {
      name: 'changed',
      definition: { nodes: [slow('a', 20), value('z', 'input.n')], edges: edges('a z') },
      right: completedWith((n) => ({ z: n })),
    },
  ];
}
