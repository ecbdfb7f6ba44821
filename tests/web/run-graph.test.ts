// The graph of a run: the states of its steps and edges, folding, layout and the arrow keys; and the folded time axis.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fold } from '../../web/src/run/graph/fold.ts';
import { place, placeToFit } from '../../web/src/run/graph/layout.ts';
import { ranks } from '../../web/src/run/graph/ranks.ts';
import { edgeStates, stepStates } from '../../web/src/run/graph/states.ts';
import { walk } from '../../web/src/run/graph/walk.ts';
import { roomOf } from '../../web/src/run/room.ts';
import { barsOf, scaleOf, ticks } from '../../web/src/run/timeline/scale.ts';
import type { WorkflowEdge } from '../../web/src/shared/supabase.ts';
import type { RunNode, RunStep } from '../../web/src/shared/use-run.ts';

const nodeOf = (node_id: string, position: object = {}) => ({ node_id, position }) as RunNode;

function edgesOf(...lines: string[]): WorkflowEdge[] {
  return lines.map((line, place) => {
    const [path = '', handle] = line.split(' : ');
    const [source_node_id, target_node_id] = path.split(' > ');
    return {
      edge_id: `e${place}`,
      source_node_id,
      target_node_id,
      source_handle: handle ?? null,
      label: null,
    } as WorkflowEdge;
  });
}

const stepOf = (step_id: string, status: string, more: Partial<RunStep> = {}) =>
  ({
    id: `${step_id}-${more.attempt ?? 1}-${more.item_index ?? 0}`,
    step_id,
    status,
    attempt: 1,
    item_index: 0,
    handle: null,
    context_version: null,
    items_total: null,
    pending_in: 0,
    started_at: null,
    completed_at: null,
    duration_ms: null,
    error_code: null,
    ...more,
  }) as RunStep;

test('edges are taken by the rules of the engine', () => {
  const edges = edgesOf(
    'decide > yes : true',
    'decide > no : false',
    'call > rescue : error',
    'call > late : timeout',
    'call > next',
    'soft > after',
    'hard > never',
    'skipped > x',
    'open > y',
  );
  const states = edgeStates(edges, [
    stepOf('decide', 'completed', { handle: 'true', context_version: 1 }),
    stepOf('call', 'failed', { attempt: 1 }),
    stepOf('call', 'failed', { attempt: 2, handle: 'error', context_version: 2 }),
    stepOf('soft', 'failed', { context_version: 3 }),
    stepOf('hard', 'failed'),
    stepOf('skipped', 'skipped'),
    stepOf('open', 'running'),
  ]);
  expect([...states.values()]).toEqual([
    'taken',
    'not-taken',
    'taken',
    'not-taken',
    'not-taken',
    'taken',
    'not-taken',
    'not-taken',
    'open',
  ]);
});

test('a step shows its newest attempt, its compensation, and whether the run got there', () => {
  const nodes = ['a', 'b', 'c', 'd'].map((id) => nodeOf(id));
  const steps = [
    stepOf('a', 'failed', { attempt: 1 }),
    stepOf('a', 'completed', { attempt: 2, duration_ms: 5 }),
    stepOf('a', 'running', { item_index: -1 }),
    stepOf('a', 'failed', { item_index: 7 }),
    stepOf('b', 'failed', { context_version: 4, error_code: 'http_timeout' }),
    stepOf('c', 'pending'),
  ];
  const [a, b, c, d] = [...stepStates(nodes, steps, true).values()];
  expect(a).toMatchObject({ status: 'completed', attempt: 2, durationMs: 5, undo: 'undoing' });
  expect(b).toMatchObject({ status: 'failed', isHandled: true, errorCode: 'http_timeout' });
  expect([c?.status, d?.status]).toEqual(['not_reached', 'not_reached']);
  expect(stepStates(nodes, steps, false).get('d')?.status).toBe('pending');
});

test('folding joins chains, finished parts, or leaves the failed steps', () => {
  const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
  const nodes = ids.map((id) => nodeOf(id));
  const edges = edgesOf('a > b', 'b > c', 'c > d', 'c > e', 'd > f', 'e > f');
  const states = stepStates(
    nodes,
    [
      ...['a', 'b', 'c', 'd'].map((id) => stepOf(id, 'completed', { context_version: 1 })),
      stepOf('e', 'failed'),
    ],
    true,
  );
  const unitsOf = (mode: Parameters<typeof fold>[3], expanded?: Set<string>) =>
    fold(nodes, edges, states, mode, expanded).units.map(({ members }) => members.join(''));
  expect(unitsOf('all')).toEqual(ids);
  expect(unitsOf('chains')).toEqual(['abc', 'd', 'e', 'f']);
  expect(unitsOf('chains', new Set(['a', 'b', 'c']))).toEqual(ids);
  expect(unitsOf('finished')).toEqual(['abcd', 'e', 'f']);
  expect(unitsOf('failed')).toEqual(['c', 'e', 'f']);
  const folded = fold(nodes, edges, states, 'finished');
  expect(folded.edges.map(({ source, target }) => `${source}${target}`)).toEqual([
    'ae',
    'af',
    'ef',
  ]);
});

/** Acyclic graphs: edges lead to later nodes. */
const graphs = fc
  .tuple(
    fc.integer({ min: 1, max: 60 }),
    fc.array(fc.tuple(fc.nat(59), fc.nat(59)), { maxLength: 120 }),
  )
  .map(([size, pairs]) => {
    const nodes = Array.from({ length: size }, (_, n) => nodeOf(`n${n}`));
    const lines = pairs
      .map(([a, b]) => [Math.min(a, b) % size, Math.max(a, b) % size] as const)
      .filter(([a, b]) => a < b)
      .map(([a, b]) => `n${a} > n${b}`);
    return { nodes, edges: edgesOf(...new Set(lines)) };
  });

test('each step is in one unit, units have places of their own, and edges lead forward', () => {
  fc.assert(
    fc.property(graphs, fc.constantFrom('all', 'chains', 'finished'), ({ nodes, edges }, mode) => {
      const states = stepStates(
        nodes,
        nodes.slice(0, nodes.length / 2).map(({ node_id }) => stepOf(node_id, 'completed')),
        false,
      );
      const folded = fold(nodes, edges, states, mode as 'all');
      const members = folded.units.flatMap((unit) => unit.members);
      expect([...members].sort()).toEqual(nodes.map(({ node_id }) => node_id).sort());
      const places = place(folded, nodes);
      expect(new Set([...places.values()].map(({ x, y }) => `${x} ${y}`)).size).toBe(
        folded.units.length,
      );
      if (mode !== 'finished') {
        const rank = ranks(folded);
        for (const { source, target } of folded.edges) {
          expect(rank.get(source) ?? 0).toBeLessThan(rank.get(target) ?? 0);
        }
      }
    }),
  );
});

test('2,000 steps in lanes are laid out in a moment, without two at one place', () => {
  const nodes = Array.from({ length: 2_000 }, (_, n) => nodeOf(`n${n}`));
  const lines = nodes.slice(1).map((_, n) => `n${Math.max(0, n + 1 - 20)} > n${n + 1}`);
  const folded = fold(nodes, edgesOf(...lines), new Map(), 'all');
  for (const direction of ['right', 'down'] as const) {
    const places = place(folded, nodes, direction);
    expect(new Set([...places.values()].map(({ x, y }) => `${x} ${y}`)).size).toBe(2_000);
  }
});

test('stored positions are used if they differ', () => {
  const nodes = [nodeOf('a', { x: 5, y: 7 }), nodeOf('b', { x: 900, y: 7 })];
  const folded = fold(nodes, edgesOf('a > b'), new Map(), 'all');
  expect(place(folded, nodes).get('b')).toEqual({ x: 900, y: 7 });
  expect(place(folded, nodes, 'down').get('b')?.y).toBeGreaterThan(
    place(folded, nodes, 'down').get('a')?.y ?? 0,
  );
});

test('a row of steps gets a low canvas, and one that leads down a high one', () => {
  const chain = (length: number) => {
    const ids = Array.from({ length }, (_, n) => `s${n}`);
    const edges = edgesOf(...ids.slice(1).map((id, n) => `s${n} > ${id}`));
    const nodes = ids.map((id) => nodeOf(id));
    const height = Math.min(roomOf(nodes, edges, false), 520);
    const folded = fold(nodes, edges, new Map(), 'all', new Set());
    return { height, ...placeToFit(folded, nodes, { width: 640, height }) };
  };
  expect(chain(3)).toMatchObject({ direction: 'right', height: 198 });
  expect(chain(6)).toMatchObject({ direction: 'down', height: 520 });
});

test('arrow keys follow edges, and reach neighbours without an edge', () => {
  const places = new Map([
    ['a', { x: 0, y: 0 }],
    ['b', { x: 300, y: 400 }],
    ['c', { x: 300, y: 0 }],
    ['d', { x: 0, y: 120 }],
  ]);
  const edges = fold(
    ['a', 'b', 'c', 'd'].map((id) => nodeOf(id)),
    edgesOf('a > b'),
    new Map(),
    'all',
  ).edges;
  expect(walk('a', 'ArrowRight', places, edges)).toBe('b');
  expect(walk('a', 'ArrowDown', places, [])).toBe('d');
  expect(walk('b', 'ArrowLeft', places, edges)).toBe('a');
  expect(walk('c', 'ArrowLeft', places, edges)).toBe('a');
  expect(walk('a', 'ArrowUp', places, edges)).toBeUndefined();
});

const at = (seconds: number) => new Date(seconds * 1_000).toISOString();

test('idle time is folded, work keeps its proportions', () => {
  const steps = [
    stepOf('a', 'completed', { started_at: at(0), completed_at: at(10) }),
    stepOf('ask', 'completed', { started_at: at(10), completed_at: at(100_000) }),
    stepOf('b', 'completed', { started_at: at(100_000), completed_at: at(100_030) }),
    stepOf('c', 'skipped'),
    stepOf('item', 'completed', { item_index: 3, started_at: at(0), completed_at: at(9) }),
  ];
  const bars = barsOf(steps, 0, ({ step_id }) => step_id === 'ask');
  expect(bars.map(({ stepId }) => stepId)).toEqual(['a', 'ask', 'b']);
  const scale = scaleOf(bars, 0, 100_030_000);
  expect(scale.folds).toEqual([{ start: 10_000, end: 100_000_000 }]);
  const [a, b] = [scale.at(10_000), 1 - scale.at(100_000_000)];
  expect(b / a).toBeCloseTo(3, 5);
  expect(a + b).toBeGreaterThan(0.9);
  expect([scale.at(-5), scale.at(0), scale.at(1e12)]).toEqual([0, 0, 1]);
  for (const { time } of ticks(scale)) {
    expect(time <= 10_000 || time >= 100_000_000).toBe(true);
  }
  expect(scaleOf(bars, 0, 100_030_000, false).folds).toEqual([]);
});

test('the scale never goes back, whatever was folded', () => {
  const times = fc.array(fc.tuple(fc.nat(100_000), fc.nat(50_000), fc.boolean()), {
    minLength: 1,
    maxLength: 30,
  });
  fc.assert(
    fc.property(times, (bars) => {
      const steps = bars.map(([start, length, isWait], n) =>
        stepOf(`${isWait ? 'wait' : 'work'}${n}`, 'completed', {
          started_at: at(start),
          completed_at: at(start + length),
        }),
      );
      const made = barsOf(steps, 0, ({ step_id }) => step_id.startsWith('wait'));
      const end = Math.max(...made.map((bar) => bar.end));
      const scale = scaleOf(made, 0, end);
      const samples = Array.from({ length: 50 }, (_, n) => scale.at((end * n) / 49));
      for (const [n, value] of samples.entries()) {
        expect(value).toBeGreaterThanOrEqual((samples[n - 1] ?? 0) - 1e-9);
      }
      expect(samples.at(-1)).toBeCloseTo(1, 5);
      const labels = ticks(scale).map(({ label }) => label);
      expect(labels.length).toBeLessThan(21);
      expect(new Set(labels).size).toBe(labels.length);
    }),
  );
});
