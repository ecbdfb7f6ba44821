// Failures: caught, fatal, retried, timed out, compensated, and redriven.

import {
  type ChaosContext,
  completedWith,
  edges,
  type Kind,
  node,
  slowly,
  statusOf,
  value,
  waits,
} from '../kind.ts';

export function failures({ shop, suffix }: ChaosContext): Kind[] {
  const slow = slowly(shop);
  const undo = {
    compensate: { type: 'http_request', config: { url: `${shop}/slow?ms=60` } },
  };
  const undone = { 'undo:a': 'completed', 'undo:b': 'completed' };
  return [
    {
      name: 'caught',
      definition: {
        nodes: [
          slow('a', 40),
          value('bad', '$error("bad")'),
          value('well', '1'),
          value('go', '$error("on")', { on_error: 'continue' }),
          value('z', '"caught"'),
        ],
        edges: edges('a bad', 'bad well', 'bad go error', 'go z'),
      },
      right: completedWith(() => ({ z: 'caught' })),
    },
    {
      name: 'broken',
      definition: {
        nodes: [slow('a', 50), value('bad', '$error("bad")'), slow('b', 3_000)],
        edges: edges('a bad'),
      },
      right: ({ status, steps }) => status === 'failed' && steps.bad === 'failed',
    },
    {
      name: 'retried',
      definition: {
        nodes: [
          node(
            'a',
            'http_request',
            { url: `${shop}/flaky/${suffix}-{{ input.n }}?fail=2` },
            { retry: { max_attempts: 6, backoff: 'fixed', delay_ms: 100 } },
          ),
          value('z', 'steps.a.output.body.ok'),
        ],
        edges: edges('a z'),
      },
      right: completedWith(() => ({ z: true })),
    },
    {
      name: 'undone',
      definition: {
        nodes: [slow('a', 20, undo), value('b', '1', undo), value('bad', '$error("bad")')],
        edges: edges('a b', 'b bad'),
      },
      right: ({ status, steps }) => status === 'failed' && holds(steps, undone),
    },
    {
      name: 'too-late',
      definition: {
        nodes: [slow('a', 20, undo), value('b', '1', undo), waits('w', 'never')],
        edges: edges('a b', 'b w'),
      },
      settings: { execution_timeout_seconds: 2 },
      // The run may time out before its first step.
      right: ({ status, steps }) =>
        status === 'timed_out' &&
        ['a', 'b'].every((id) => steps[id] !== 'completed' || steps[`undo:${id}`] === 'completed'),
    },
    {
      name: 'driven-on',
      definition: {
        nodes: [
          slow('a', 30),
          node('b', 'http_request', { url: `${shop}/flaky/${suffix}-d{{ input.n }}?fail=1` }),
          value('z', 'steps.a.output.body.slept_ms'),
        ],
        edges: edges('a b', 'b z'),
      },
      async act(site, runId) {
        if ((await statusOf(site, runId, 'completed', 'failed')) === 'completed') return;
        await site.client.call((supabase) => supabase.rpc('redrive', { run_ids: [runId] }));
      },
      // A worker that was killed in between calls the shop twice; then the first run completes.
      right: (run) =>
        completedWith(() => ({ z: 30 }))(run) ||
        (run.status === 'failed' && run.origin_run_id === null),
      together: `
        select r.id from stepbase.runs r where r.workflow_id = $1 and r.origin_run_id is null
          and (select count(*) from stepbase.runs again where again.origin_run_id = r.id)
            <> (r.status = 'failed')::int`,
    },
  ];
}

const holds = (steps: Record<string, string>, wanted: Record<string, string>) =>
  Object.entries(wanted).every(([id, status]) => steps[id] === status);
