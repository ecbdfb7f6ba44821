// Children, work queues, events and schedules.

import { randomUUID } from 'node:crypto';
import {
  type ChaosContext,
  completedWith,
  edges,
  type Kind,
  node,
  slowly,
  stepIs,
  value,
  waits,
} from '../kind.ts';

export function others({ shop, suffix }: ChaosContext): Kind[] {
  const slow = slowly(shop);
  const calls = (workflow: string, more: object = {}) => ({
    workflow: `${workflow}-${suffix}`,
    input: { n: '{{ input.n }}' },
    ...more,
  });
  const call = (id: string, workflow: string, more: object = {}) =>
    node(id, 'child_workflow', calls(workflow, more));
  const event = `chaos.${suffix}`;
  return [
    {
      name: 'parent',
      definition: {
        nodes: [
          call('call', 'line'),
          node('each', 'for_each', {
            items: [1, 2, 3],
            concurrency: 2,
            step: { type: 'child_workflow', config: calls('line') },
          }),
          value('z', 'steps.call.output.e + $count(steps.each.output)'),
        ],
        edges: edges('call each', 'each z'),
      },
      right: completedWith((n) => ({ z: n + 203 })),
    },
    {
      name: 'child',
      definition: {
        nodes: [slow('a', 20), waits('w', 'go'), value('z', 'input.n')],
        edges: edges('a w', 'w z'),
      },
      async act({ client }, run_id) {
        await client.call(
          (supabase) => supabase.rpc('send_signal', { run_id, signal_name: 'go' }),
          'SB409',
        );
      },
      // A run of its own completes; the child of a cancelled parent is cancelled.
      right: (run) =>
        run.parent_run_id === null
          ? completedWith((n) => ({ z: n }))(run)
          : run.status === 'cancelled',
    },
    {
      name: 'bereft',
      definition: {
        nodes: [
          call('first', 'child', { parent_close_policy: 'terminate' }),
          call('second', 'child', { parent_close_policy: 'request_cancel' }),
          call('third', 'line', { parent_close_policy: 'abandon', wait: false }),
          value('z', '1'),
        ],
        edges: edges('first z', 'second z', 'third z'),
      },
      async act(site, run_id) {
        await Promise.all([
          stepIs(site, run_id, 'first', 'waiting'),
          stepIs(site, run_id, 'second', 'waiting'),
          stepIs(site, run_id, 'third', 'completed'),
        ]);
        await site.client.call((supabase) => supabase.rpc('cancel_run', { run_id }));
      },
      right: ({ status, steps }) => status === 'cancelled' && steps.first === 'cancelled',
    },
    {
      name: 'queued',
      definition: {
        nodes: [
          node('push', 'work_queue_push', { queue: 'items', item: '{{ input.n }}' }),
          node('pop', 'work_queue_pop', { queue: 'items' }),
          slow('work', 20),
          value('z', '$type(steps.pop.output)'),
        ],
        edges: edges('push pop', 'pop work', 'work z'),
      },
      async prepare({ client, workflowId: workflow_id }) {
        await client.call((supabase) =>
          supabase.from('work_queues').insert({ workflow_id, queue_name: 'items' }),
        );
      },
      right: completedWith(() => ({ z: 'number' })),
      // Each run pushes one item once, and each item is processed once.
      together: `
        select r.id from stepbase.runs r where r.workflow_id = $1 and (
          (select count(*) from stepbase.work_queue_items i where i.pushed_by_run_id = r.id) <> 1
          or (
            select count(*) from stepbase.work_queue_items i
            where i.taken_by_run_id = r.id and i.status = 'done'
          ) <> 1
        )`,
    },
    {
      name: 'telling',
      definition: {
        nodes: [
          slow('a', 20),
          node('tell', 'emit_event', { name: event, payload: { n: '{{ input.n }}' } }),
          value('z', 'input.n'),
        ],
        edges: edges('a tell', 'tell z'),
      },
      right: completedWith((n) => ({ z: n })),
      together: `
        select r.id from stepbase.runs r where r.workflow_id = $1 and 1 <> (
          select count(*) from stepbase.runs heard join stepbase.workflows w on w.id = heard.workflow_id
          where w.kebab_name = 'hearing-${suffix}' and heard.input -> 'event' ->> 'run_id' = r.id::text
        )`,
    },
    {
      name: 'hearing',
      definition: {
        nodes: [slow('a', 20), value('z', 'input.event.payload.n')],
        edges: edges('a z'),
      },
      async prepare({ client, workflowId: workflow_id }) {
        await client.call((supabase) =>
          supabase
            .from('workflow_triggers')
            .insert({ workflow_id, trigger_type: 'event', event_name: event }),
        );
      },
      start: ({ client }, n) =>
        client.call((supabase) =>
          supabase.rpc('emit_event', {
            name: event,
            payload: { n },
            idempotency_key: `${suffix}-${n}`,
          }),
        ),
      right: completedWith((n) => ({ z: n })),
      together: `
        select (array_agg(r.id))[1] as id from stepbase.runs r where r.workflow_id = $1
        group by r.input -> 'event' -> 'payload' having count(*) <> 1`,
    },
    {
      name: 'by-the-clock',
      definition: { nodes: [slow('a', 20), value('z', 'input.n')], edges: edges('a z') },
      async start({ client, workflowId: workflow_id }, n) {
        const id = randomUUID();
        // The call succeeded although its answer was lost.
        await client.call(
          (supabase) =>
            supabase.from('workflow_schedules').insert({
              id,
              workflow_id,
              cron_expression: '0 0 1 1 *',
              start_immediately: true,
              max_runs: 1,
              input: { n },
            }),
          '23505',
        );
      },
      right: completedWith((n) => ({ z: n })),
      together: `
        select (array_agg(r.id))[1] as id from stepbase.runs r where r.workflow_id = $1
        group by r.metadata ->> 'schedule_id' having count(*) <> 1`,
    },
  ];
}
