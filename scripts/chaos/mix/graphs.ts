// Sequences, fan-outs, branches, joins and lists; some of them also in a second application.

import {
  type ChaosContext,
  completedWith,
  edges,
  type Kind,
  node,
  slowly,
  value,
} from '../kind.ts';

export function graphs({ shop }: ChaosContext): Kind[] {
  const slow = slowly(shop);
  const wide = Array.from({ length: 12 }, (_, i) => `w${i}`);
  const line: Kind = {
    name: 'line',
    definition: {
      nodes: [
        value('a', 'input.n'),
        slow('b', 120),
        value('c', 'steps.a.output + steps.b.output.body.slept_ms'),
        slow('d', 80),
        value('e', 'steps.c.output + steps.d.output.body.slept_ms'),
      ],
      edges: edges('a b', 'b c', 'c d', 'd e'),
    },
    right: completedWith((n) => ({ e: n + 200 })),
  };
  const fan: Kind = {
    name: 'fan',
    definition: {
      nodes: [
        value('a', 'input.n'),
        ...wide.map((id, i) => (i % 4 === 0 ? slow(id, 50) : value(id, `steps.a.output + ${i}`))),
        value('z', 'steps.w1.output + steps.w11.output'),
      ],
      edges: edges(...wide.flatMap((id) => [`a ${id}`, `${id} z`])),
    },
    right: completedWith((n) => ({ z: 2 * n + 12 })),
  };
  return [
    line,
    { ...line, name: 'their-line', app: 'globex' },
    fan,
    { ...fan, name: 'their-fan', app: 'globex' },
    {
      name: 'branch',
      definition: {
        nodes: [
          node('c', 'condition', { expression: 'input.n % 2 = 0' }),
          slow('even', 60),
          slow('odd', 60),
          value('z', '$exists(steps.even.output) ? "even" : "odd"'),
        ],
        edges: edges('c even true', 'c odd false', 'even z', 'odd z'),
      },
      right: completedWith((n) => ({ z: n % 2 === 0 ? 'even' : 'odd' })),
    },
    {
      name: 'first',
      definition: {
        nodes: [
          slow('a', 40),
          slow('b', 60),
          node('no', 'condition', { expression: 'false' }),
          slow('c', 20),
          slow('z', 30, { join: 'any' }),
          value('end', 'steps.z.output.body.slept_ms'),
        ],
        edges: edges('a z', 'b z', 'no c true', 'c z', 'z end'),
      },
      right: (run) => completedWith(() => ({ end: 30 }))(run) && run.steps.c === 'skipped',
    },
    {
      name: 'each',
      definition: {
        nodes: [
          node('each', 'for_each', {
            items: '{{ input.items }}',
            concurrency: 4,
            step: { type: 'http_request', config: { url: `${shop}/slow?ms={{ item }}` } },
          }),
          value('z', '$sum(steps.each.output.body.slept_ms)'),
        ],
        edges: edges('each z'),
      },
      input: (n) => ({ items: Array.from({ length: 10 }, (_, i) => 10 + ((n + i) % 10)) }),
      right: completedWith(() => ({ z: 145 })),
    },
  ];
}
