// The picture of a definition uses the places of the editor. In a narrow window, and without places, it has a layout of
// its own.

import { expect, test } from 'vitest';
import { definitionOf } from '../../web/src/workflows/graph/definition.ts';
import { placesOf } from '../../web/src/workflows/graph/layout.ts';

const NODES = ['a', 'b', 'c', 'd'];
const EDGES = ['a b', 'a c', 'b d', 'c d'].map((edge) => edge.split(' '));

const diamond = (places?: Record<string, { x: number; y: number }>) =>
  definitionOf({
    nodes: NODES.map((id) => ({
      id,
      type: 'transform',
      data: { config: {} },
      ...(places?.[id] ? { position: places[id] } : {}),
    })),
    edges: EDGES.map(([source = '', target = ''], at) => ({ id: `${at}`, source, target })),
  });
const STORED = {
  a: { x: 0, y: 0 },
  b: { x: 300, y: -50 },
  c: { x: 300, y: 50 },
  d: { x: 600, y: 0 },
};

test('the places of the editor are kept in a wide window', () => {
  expect(Object.fromEntries(placesOf(diamond(STORED)))).toEqual(STORED);
});

test.each([
  ['without places, each edge leads to the right', diamond(), false, 'x'],
  ['in a narrow window, each edge leads down', diamond(STORED), true, 'y'],
] as const)('%s', (_, definition, isNarrow, axis) => {
  const places = placesOf(definition, isNarrow);
  for (const [source = '', target = ''] of EDGES) {
    const [from, to] = [places.get(source), places.get(target)];
    if (!from || !to) throw new Error(`no place of ${source} or ${target}`);
    expect(to[axis]).toBeGreaterThan(from[axis]);
  }
  expect(new Set([...places.values()].map(({ x, y }) => `${x} ${y}`)).size).toBe(NODES.length);
});
