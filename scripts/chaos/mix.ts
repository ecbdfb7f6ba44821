// The mix of runs under chaos: every way a run can go, each with the one right result.

export interface Kind {
  /** The kebab name, completed with a suffix of the harness's own. */
  name: string;
  definition: { nodes: object[]; edges: object[] };
  input(n: number): Record<string, unknown>;
  status: 'completed' | 'failed';
  /** The output of a completed run. */
  output?(n: number): Record<string, unknown>;
  /** A work queue that its workflow has. */
  queue?: string;
  /** A signal to send as soon as the run is there. */
  signal?: string;
}

const node = (id: string, type: string, config: object, more: object = {}) => ({
  id,
  type,
  data: { config, ...more },
});

const value = (id: string, expression: string) => node(id, 'transform', { expression });

const edges = (...lines: string[]) =>
  lines.map((line, i) => {
    const [source, target, sourceHandle] = line.split(' ');
    return { id: `e${i}`, source, target, ...(sourceHandle ? { sourceHandle } : {}) };
  });

/** `shop`: where the slow and the flaky requests go. `suffix`: of every kebab name. */
export function mixOf(shop: string, suffix: string): Kind[] {
  const slow = (id: string, ms: number) =>
    node(id, 'http_request', { url: `${shop}/slow?ms=${ms}` });
  const wide = Array.from({ length: 12 }, (_, i) => `w${i}`);
  return [
    {
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
      input: (n) => ({ n }),
      status: 'completed',
      output: (n) => ({ e: n + 200 }),
    },
    {
      name: 'fan',
      definition: {
        nodes: [
          value('a', 'input.n'),
          ...wide.map((id, i) => (i % 4 === 0 ? slow(id, 50) : value(id, `steps.a.output + ${i}`))),
          value('z', 'steps.w1.output + steps.w11.output'),
        ],
        edges: edges(...wide.flatMap((id) => [`a ${id}`, `${id} z`])),
      },
      input: (n) => ({ n }),
      status: 'completed',
      output: (n) => ({ z: 2 * n + 12 }),
    },
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
      input: (n) => ({ n }),
      status: 'completed',
      output: (n) => ({ z: n % 2 === 0 ? 'even' : 'odd' }),
    },
    {
      name: 'caught',
      definition: {
        nodes: [
          slow('a', 40),
          value('bad', '$error("bad")'),
          value('well', '1'),
          value('z', '"caught"'),
        ],
        edges: edges('a bad', 'bad well', 'bad z error'),
      },
      input: () => ({}),
      status: 'completed',
      output: () => ({ z: 'caught' }),
    },
    {
      name: 'broken',
      definition: {
        nodes: [slow('a', 50), value('bad', '$error("bad")'), slow('b', 3_000)],
        edges: edges('a bad'),
      },
      input: () => ({}),
      status: 'failed',
    },
    {
      name: 'undone',
      definition: {
        nodes: [
          {
            ...slow('a', 20),
            data: {
              ...slow('a', 20).data,
              compensate: { type: 'http_request', config: { url: `${shop}/slow?ms=60` } },
            },
          },
          {
            ...value('b', '1'),
            data: {
              ...value('b', '1').data,
              compensate: { type: 'http_request', config: { url: `${shop}/slow?ms=60` } },
            },
          },
          value('bad', '$error("bad")'),
        ],
        edges: edges('a b', 'b bad'),
      },
      input: () => ({}),
      status: 'failed',
    },
    {
      name: 'queued',
      definition: {
        nodes: [
          node('push', 'work_queue_push', { queue: 'items', item: '{{ input.n }}' }),
          node('pop', 'work_queue_pop', { queue: 'items' }),
          value('z', '$type(steps.pop.output)'),
        ],
        edges: edges('push pop', 'pop z'),
      },
      input: (n) => ({ n }),
      status: 'completed',
      output: () => ({ z: 'number' }),
      queue: 'items',
    },
    {
      name: 'retried',
      definition: {
        nodes: [
          node(
            'a',
            'http_request',
            { url: `${shop}/flaky/{{ input.key }}?fail=2` },
            { retry: { max_attempts: 6, backoff: 'fixed', delay_ms: 100 } },
          ),
          value('z', 'steps.a.output.body.ok'),
        ],
        edges: edges('a z'),
      },
      input: (n) => ({ key: `${suffix}-${n}` }),
      status: 'completed',
      output: () => ({ z: true }),
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
      status: 'completed',
      output: () => ({ z: 145 }),
    },
    {
      name: 'parent',
      definition: {
        nodes: [
          node('call', 'child_workflow', {
            workflow: `line-${suffix}`,
            input: { n: '{{ input.n }}' },
          }),
          value('z', 'steps.call.output.e'),
        ],
        edges: edges('call z'),
      },
      input: (n) => ({ n }),
      status: 'completed',
      output: (n) => ({ z: n + 200 }),
    },
    {
      name: 'signalled',
      definition: {
        nodes: [
          slow('a', 30),
          node('s', 'wait_for_signal', { signal_name: 'go' }),
          value('z', '"went"'),
        ],
        edges: edges('a s', 's z'),
      },
      input: () => ({}),
      status: 'completed',
      output: () => ({ z: 'went' }),
      signal: 'go',
    },
    {
      name: 'delayed',
      definition: {
        nodes: [node('d', 'delay', { ms: 400 }), slow('a', 30), value('z', '"late"')],
        edges: edges('d a', 'a z'),
      },
      input: () => ({}),
      status: 'completed',
      output: () => ({ z: 'late' }),
    },
  ];
}
