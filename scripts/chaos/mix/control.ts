// Calls on a run in flight and afterwards: cancel, pause, resume, rerun.

import {
  type ChaosContext,
  completedWith,
  edges,
  type Kind,
  type Site,
  slowly,
  statusOf,
  stepIs,
  value,
  waits,
} from '../kind.ts';

const cancel = ({ client }: Site, run_id: string) =>
  client.call((supabase) => supabase.rpc('cancel_run', { run_id, reason: 'chaos' }));

export function control({ shop }: ChaosContext): Kind[] {
  const slow = slowly(shop);
  const undo = { compensate: { type: 'http_request', config: { url: `${shop}/slow?ms=40` } } };
  return [
    {
      name: 'cancelled',
      definition: {
        nodes: [slow('a', 20), slow('b', 120_000, { timeout_ms: 180_000 }), waits('c', 'never')],
        edges: edges('a b', 'a c'),
      },
      // Before its start, or with one step running and one waiting.
      async act(site, runId, n) {
        if (n % 2 === 0) await stepIs(site, runId, 'b', 'running');
        await cancel(site, runId);
      },
      right: ({ status, steps }) =>
        status === 'cancelled' && [undefined, 'cancelled'].includes(steps.b),
    },
    {
      name: 'called-off',
      definition: {
        nodes: [slow('a', 20, undo), waits('w', 'never')],
        edges: edges('a w'),
      },
      async act(site, runId) {
        await stepIs(site, runId, 'w', 'waiting');
        await cancel(site, runId);
      },
      right: ({ status, steps }) => status === 'cancelled' && steps['undo:a'] === 'completed',
    },
    {
      name: 'paused',
      definition: {
        nodes: [
          value('a', 'input.n'),
          slow('b', 150),
          slow('c', 100),
          value('z', 'steps.a.output + steps.c.output.body.slept_ms'),
        ],
        edges: edges('a b', 'b c', 'c z'),
      },
      // The run may have ended before the pause: then both calls are rejected.
      async act({ client }, run_id) {
        for (const call of ['pause_run', 'resume_run']) {
          await client.call((supabase) => supabase.rpc(call, { run_id }), 'SB409');
        }
      },
      right: completedWith((n) => ({ z: n + 100 })),
    },
    {
      name: 'again',
      definition: {
        nodes: [
          value('a', 'input.n'),
          slow('b', 40),
          value('z', 'steps.a.output + steps.b.output.body.slept_ms'),
        ],
        edges: edges('a b', 'b z'),
      },
      async act(site, run_id, n) {
        await statusOf(site, run_id, 'completed');
        const from_step = n % 2 === 0 ? 'b' : null;
        await site.client.call((supabase) => supabase.rpc('rerun', { run_id, from_step }));
      },
      right: completedWith((n) => ({ z: n + 40 })),
      // A rerun has no idempotency key: after a lost answer the call is repeated, and both reruns are correct.
      together: `
        select r.id from stepbase.runs r where r.workflow_id = $1 and r.origin_run_id is null
          and not exists (select from stepbase.runs again where again.origin_run_id = r.id)`,
    },
  ];
}
