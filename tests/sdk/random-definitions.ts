// Random definitions of all step types, as a canvas or the API may have stored them: edges in each order, presentation, and
// keys that the typed methods do not have.

import fc from 'fast-check';
import { stepTypes } from '../../functions/_shared/step-types/index.ts';
import type { StoredWorkflow } from '../../sdk/src/workflow/index.ts';
import { configOf, IDS, type Json, json, partOf, plain, texts } from './random-configs.ts';

const retry = fc.record(
  {
    max_attempts: fc.integer({ min: 1, max: 100 }),
    backoff: fc.constantFrom('fixed', 'exponential'),
    delay_ms: fc.nat(),
    jitter: fc.constantFrom(true, 0.5),
    retry_on: fc.array(fc.constantFrom<unknown>(404, '5xx', 'timeout'), { maxLength: 3 }),
  },
  { requiredKeys: ['max_attempts'] },
);
const timeout = fc.integer({ min: 1, max: 2_147_483_647 });
const onError = fc.constantFrom('fail', 'continue');

const compensation = fc
  .tuple(
    partOf(({ allowedInCompensation }) => allowedInCompensation),
    fc.record({ retry, timeout_ms: timeout, on_error: onError }, { requiredKeys: [] }),
  )
  .map(([part, options]) => ({ ...part, ...options }));

/** What the engine accepts and the typed methods do not have. */
const odd = fc.constantFrom<Json>(
  { retry: null },
  { join: null, timeout_ms: null },
  { label: 5 },
  { compensate: null },
);

const options = fc.record(
  {
    label: texts,
    retry,
    timeout_ms: timeout,
    on_error: onError,
    join: fc.constantFrom('all', 'any'),
    compensate: compensation,
    'x-team': json,
  },
  { requiredKeys: [] },
);

const position = fc.record({ x: fc.integer(), y: fc.integer() });
const canvas = fc.record(
  {
    position: fc.oneof(position, fc.constant({ x: 0, y: 0 })),
    width: fc.nat(),
    style: fc.constant({ color: 'red' }),
    'x-note': json,
  },
  { requiredKeys: [] },
);

const rarely = <T>(value: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 12, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value });

const step = fc.constantFrom(...stepTypes).chain((type) =>
  fc
    .record({
      config: configOf(type),
      options,
      canvas: rarely(canvas),
      odd: rarely(odd),
      draft: rarely(json),
    })
    .map(({ config, options: some, canvas: keys, odd: strange, draft }) => ({
      type: type.name,
      handles:
        type.handles === 'any' ? ['true', 'false', 'default', "it's"] : [...type.handles, 'error'],
      node: {
        type: type.name,
        data: {
          config: draft === undefined ? config : { ...config, unknown_key: draft },
          ...some,
          ...strange,
        },
        ...keys,
      },
    })),
);

const link = fc.record({
  from: fc.nat(),
  to: fc.nat(),
  handle: fc.nat(),
  id: rarely(fc.constantFrom('custom', 'xy-edge__a-b')),
  more: rarely(
    fc.constantFrom<Json>(
      { label: 'yes' },
      { animated: true },
      { sourceHandle: null },
      { targetHandle: null },
    ),
  ),
});

const schema = fc.option(
  fc.constantFrom<Json>(
    {},
    { type: 'object' },
    {
      type: 'object',
      required: ['id'],
      properties: {
        id: { type: 'string' },
        total: {},
        customer: { type: 'object', properties: { id: {} } },
      },
      additionalProperties: false,
    },
  ),
  { nil: null },
);

/** Versions that are graphs: edges lead from earlier to later steps, but both lists may have another order. */
export const storedWorkflows: fc.Arbitrary<StoredWorkflow> = fc
  .record({
    steps: fc.array(step, { minLength: 1, maxLength: 7 }),
    ids: fc.shuffledSubarray(IDS, { minLength: 7, maxLength: 7 }),
    links: fc.array(link, { maxLength: 9 }),
    numbered: fc.boolean(),
    placed: fc.boolean(),
    order: fc.constantFrom('by target', 'by source', 'reversed'),
    isReversed: rarely(fc.constant(true)),
    input_schema: schema,
    output_schema: schema,
    more: rarely(
      fc.constantFrom<Json>({ viewport: { x: 0, y: 0, zoom: 1 } }, { 'x-owner': 'team' }),
    ),
    texts: fc.record({ name: plain, description: plain }, { requiredKeys: [] }),
  })
  .map(
    ({
      steps,
      ids,
      links,
      numbered,
      placed,
      order,
      isReversed,
      input_schema,
      output_schema,
      more,
      texts: own,
    }) => {
      const nodes = steps.map(({ node }, at) => ({
        ...(placed ? { position: { x: at * 300, y: 0 } } : {}),
        ...node,
        id: ids[at] ?? '',
      }));
      const edges = new Map<string, Json>();
      const ordered = links
        .map((one) => ({ ...one, from: one.from % steps.length, to: one.to % steps.length }))
        .filter(({ from, to }) => from < to)
        .sort((one, other) =>
          order === 'by target'
            ? one.to - other.to || one.from - other.from
            : one.from - other.from,
        );
      for (const { from, to, handle, id, more: extra } of order === 'reversed'
        ? ordered.toReversed()
        : ordered) {
        const { handles } = steps[from] ?? { handles: [] };
        const chosen = [undefined, ...handles][handle % (handles.length + 1)];
        const [source, target] = [ids[from] ?? '', ids[to] ?? ''];
        const derived = `${source}${chosen === undefined ? '' : `:${chosen}`}>${target}`;
        const own = id ?? (numbered ? `e${edges.size + 1}` : derived);
        edges.set(own, {
          id: own,
          source,
          target,
          ...(chosen === undefined ? {} : { sourceHandle: chosen }),
          ...extra,
        });
      }
      const definition = {
        nodes: isReversed ? nodes.toReversed() : nodes,
        edges: [...edges.values()],
        ...more,
      };
      return {
        kebab_name: 'random',
        ...own,
        definition,
        input_schema,
        output_schema,
      } as unknown as StoredWorkflow;
    },
  );
