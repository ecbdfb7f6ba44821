// Waits: for time, signals and people, and timeouts of waits.

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

export function waiting({ shop }: ChaosContext): Kind[] {
  const slow = slowly(shop);
  const signalled: Kind = {
    name: 'signalled',
    definition: {
      nodes: [
        slow('a', 30),
        waits('s', 'go'),
        waits('t', 'on'),
        value('z', 'steps.s.output.n + steps.t.output.n'),
      ],
      edges: edges('a s', 's t', 't z'),
    },
    // The second signal may arrive before the run waits for the first. A repeated signal may find the run ended.
    async act({ client }, run_id, n) {
      const send = (signal_name: string) =>
        client.call(
          (supabase) => supabase.rpc('send_signal', { run_id, signal_name, payload: { n } }),
          'SB409',
        );
      await Promise.all([send('go'), send('on')]);
    },
    right: completedWith((n) => ({ z: 2 * n })),
  };
  return [
    signalled,
    { ...signalled, name: 'their-signalled', app: 'globex' },
    {
      name: 'delayed',
      definition: {
        nodes: [node('d', 'delay', { ms: 400 }), slow('a', 30), value('z', '"late"')],
        edges: edges('d a', 'a z'),
      },
      right: completedWith(() => ({ z: 'late' })),
    },
    {
      name: 'asked',
      definition: {
        nodes: [
          slow('a', 20),
          node('ask', 'wait_for_approval', { title: 'Go on?' }),
          value('yes', 'true'),
          value('no', 'false'),
          value('z', '$exists(steps.yes.output)'),
        ],
        edges: edges('a ask', 'ask yes approved', 'ask no rejected', 'yes z', 'no z'),
      },
      async act(site, runId, n) {
        const step_run_id = await stepIs(site, runId, 'ask', 'waiting');
        const approved = n % 2 === 0;
        await site.client.call(
          (supabase) => supabase.rpc('decide_approval', { step_run_id, approved }),
          'SB409',
        );
      },
      right: completedWith((n) => ({ z: n % 2 === 0 })),
    },
    {
      name: 'unasked',
      definition: {
        nodes: [
          node('ask', 'wait_for_approval', { title: 'Nobody looks', deadline_ms: 300 }),
          value('yes', 'true'),
          value('z', '"late"'),
        ],
        edges: edges('ask yes approved', 'ask z timeout'),
      },
      right: (run) => run.status === 'completed' && run.steps.z === 'completed',
    },
    {
      name: 'filled-in',
      definition: {
        nodes: [
          node('form', 'user_task', { title: 'How many?' }),
          value('z', 'steps.form.output.n'),
        ],
        edges: edges('form z'),
      },
      async act(site, runId, n) {
        const step_run_id = await stepIs(site, runId, 'form', 'waiting');
        await site.client.call(
          (supabase) => supabase.rpc('complete_task', { step_run_id, output: { n } }),
          'SB409',
        );
      },
      right: completedWith((n) => ({ z: n })),
    },
  ];
}
