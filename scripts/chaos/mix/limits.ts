// Limits on runs and steps, with priorities: a limit is never exceeded, and each run completes.

import { type ChaosContext, completedWith, edges, type Kind, slowly, value } from '../kind.ts';

export function limits({ shop, suffix }: ChaosContext): Kind[] {
  const slow = slowly(shop);
  const many = Array.from({ length: 6 }, (_, i) => `s${i}`);
  return [
    {
      name: 'two-at-once',
      definition: {
        nodes: [slow('a', 30), value('z', 'input.n')],
        edges: edges('a z'),
      },
      settings: { max_concurrent_executions: 2 },
      priority: (n) => (n % 5) * 10,
      right: completedWith((n) => ({ z: n })),
      together: `
        select r.id from stepbase.runs r where r.workflow_id = $1 and 2 < (
          select count(*) from stepbase.runs o where o.workflow_id = $1
            and o.started_at <= r.started_at and o.completed_at > r.started_at
        )`,
    },
    {
      name: 'crowded',
      definition: {
        nodes: [
          ...many.map((id) => slow(id, 20)),
          value('z', `$sum([${many.map((id) => `steps.${id}.output.body.slept_ms`)}])`),
        ],
        edges: edges(...many.map((id) => `${id} z`)),
      },
      async prepare({ client, workflowId }) {
        const name = `crowd-${suffix}`;
        const queue = await client.call((supabase) =>
          supabase
            .from('task_queues')
            .insert({ name, max_concurrent_activities: 3, max_concurrent_workflows: 4 })
            .select('id')
            .single<{ id: string }>(),
        );
        await client.call((supabase) =>
          supabase.from('workflows').update({ task_queue_id: queue?.id }).eq('id', workflowId),
        );
      },
      priority: (n) => (n % 3) * -10,
      right: completedWith(() => ({ z: 120 })),
      together: `
        with steps as (
          select s.* from stepbase.step_runs s join stepbase.runs r on r.id = s.run_id
          where r.workflow_id = $1 and s.step_type = 'http_request'
        )
        select s.run_id as id from steps s where 3 < (
          select count(*) from steps o
          where o.started_at <= s.started_at and o.completed_at > s.started_at
        )`,
    },
  ];
}
