// Definitions are strict: an unknown key is refused wherever it stands, with its pointer, and all faults are in one
// answer. What a canvas stores is known.

import { randomUUID } from 'node:crypto';
import {
  type Edge,
  type Node,
  type ReactFlowInstance,
  ReactFlowProvider,
  useReactFlow,
} from '@xyflow/react';
import fc from 'fast-check';
import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DefinitionFault } from '../../functions/_shared/errors/index.ts';
import { stepTypes } from '../../functions/_shared/step-types/index.ts';
import { type KeyUse, usesOf } from '../../scripts/canvas-keys/migration.ts';
import { readCanvasTypes } from '../../scripts/canvas-keys/read.ts';
import type { Database, Json } from '../../types/database.ts';
import { pool, signedIn } from '../support/stack.ts';
import {
  CONFIGS,
  type Definition,
  pointerTo,
  strictPlaces,
  validDefinitions,
} from './strict-definitions.ts';

type Version = Database['stepbase']['Tables']['workflow_versions']['Row'];

const db = pool();
const name = `strict-${randomUUID().slice(0, 8)}`;

afterAll(async () => {
  await db.query('delete from stepbase.workflows where kebab_name like $1', [`${name}%`]);
});

async function faultsOf(definition: unknown): Promise<DefinitionFault[]> {
  const { rows } = await db.query<{ fault: DefinitionFault }>(
    `select stepbase_private.problem_json(p) as fault from stepbase_private.definition_problems($1) p`,
    [JSON.stringify(definition)],
  );
  return rows.map(({ fault }) => fault);
}

async function stored(definition: unknown): Promise<{ definition: unknown; hash: string }> {
  const { rows } = await db.query<{ definition: unknown; hash: string }>(
    `select stepbase_private.without_session_keys($1) as definition, stepbase_private.content_hash($1) as hash`,
    [JSON.stringify(definition)],
  );
  if (!rows[0]) throw new Error('the database gave no row');
  return rows[0];
}

/** A copy without shared parts, so that a change has one place. */
const copyOf = (definition: Definition) => JSON.parse(JSON.stringify(definition)) as Definition;

const anyKey = fc
  .oneof(
    fc.string({ unit: 'grapheme', maxLength: 30 }),
    fc.constantFrom('', '/', '~', '~1', 'a/b', 'constructor', 'toString', 'X-a', 'x_a', 'x-a'),
    fc.constantFrom('configs', 'retri', 'timeout', 'sourceHandel', 'positionAbsolute', 'Label'),
  )
  .filter((key) => key !== '__proto__' && !key.includes('\u0000'));

describe('unknown keys', () => {
  test('the definitions of this test have every step type and no fault', async () => {
    expect(Object.keys(CONFIGS).sort()).toEqual(stepTypes.map((type) => type.name).sort());
    await fc.assert(
      fc.asyncProperty(validDefinitions, async (definition) => {
        expect(await faultsOf(definition)).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });

  test('random keys at random places are the faults, each with its pointer and its node', async () => {
    const known = new Set([
      ...['label', 'config', 'retry', 'compensate', 'timeout_ms', 'on_error', 'join', 'type'],
      ...Object.values(await readCanvasTypes()).flat(),
      ...stepTypes.flatMap(({ config }) => Object.keys(config.shape)),
    ]);
    let added = 0;
    await fc.assert(
      fc.asyncProperty(
        validDefinitions,
        fc.array(fc.tuple(fc.nat(), anyKey), { minLength: 1, maxLength: 4 }),
        async (valid, choices) => {
          const definition = copyOf(valid);
          const places = strictPlaces(definition);
          const expected = new Map<string, string | null>();
          for (const [choice, key] of choices) {
            const place = places[choice % places.length];
            if (place === undefined || known.has(key)) continue;
            place.object[key] = { any: 'thing' };
            if (place.hasOwnKeys && key.startsWith('x-')) continue;
            expected.set(pointerTo([...place.path, key]), place.node);
            added += 1;
          }
          const faults = await faultsOf(definition);
          expect(new Set(faults.map(({ code }) => code)).size).toBe(Math.min(expected.size, 1));
          expect(new Map(faults.map(({ pointer, node }) => [pointer, node]))).toEqual(expected);
          expect(faults).toHaveLength(expected.size);
          for (const { code, message } of faults) {
            expect(code).toBe('unknown_key');
            expect(message).toContain('is not a known key of');
          }
        },
      ),
      { numRuns: 150 },
    );
    expect(added).toBeGreaterThan(100);
  });

  test('a key with one wrong letter is refused with the right key as the hint', async () => {
    await fc.assert(
      fc.asyncProperty(validDefinitions, fc.nat(), fc.nat(), async (valid, at, letter) => {
        const definition = copyOf(valid);
        const places = strictPlaces(definition);
        const candidates = places.flatMap((place) =>
          Object.keys(place.object)
            .filter((key) => key.length >= 5 && !key.startsWith('x-'))
            .map((key) => ({ place, key })),
        );
        const chosen = candidates[at % candidates.length];
        if (chosen === undefined) return;
        const { place, key } = chosen;
        const cut = letter % key.length;
        const other = key[cut] === 'q' ? 'z' : 'q';
        const wrong = `${key.slice(0, cut)}${other}${key.slice(cut + 1)}`;
        place.object[wrong] = place.object[key];
        const pointer = pointerTo([...place.path, wrong]);
        const fault = (await faultsOf(definition)).find((found) => found.pointer === pointer);
        expect(fault).toMatchObject({ code: 'unknown_key', hint: `did you mean ${key}?` });
      }),
      { numRuns: 60 },
    );
  });
});

describe('a refusal', () => {
  test('of publish_workflow lists all faults; its message has the first and how many more', async () => {
    const developer = await signedIn('developer@acme');
    const definition: Json = {
      nodes: [
        {
          id: 'mail',
          type: 'send_email',
          data: {
            config: { to: 'a@x.example', subject: 's', text: 't', attachement: [] },
            retry: { max_attempts: 2, delay: 1 },
          },
        },
        { id: 'call', type: 'webhook', data: { config: { url: 'https://x.example', body: {} } } },
      ],
      edges: [],
    };
    const draft = await developer
      .rpc('save_workflow', { kebab_name: `${name}-publish`, definition })
      .single<Version>();
    expect(draft.error).toBeNull();
    const { error } = await developer.rpc('publish_workflow', {
      workflow_version_id: draft.data?.id ?? '',
    });
    expect(error?.code).toBe('SB423');
    expect(error?.message).toBe(
      'config.attachement is not a known key of send_email; did you mean attachments? (and 2 more)',
    );
    const detail = JSON.parse(error?.details ?? '{}') as { errors: DefinitionFault[] };
    expect(detail).toMatchObject({ code: 'invalid_definition', node_id: 'mail' });
    expect(detail.errors.map(({ node, pointer, hint }) => [node, pointer, hint])).toEqual([
      ['mail', '/nodes/0/data/config/attachement', 'did you mean attachments?'],
      ['mail', '/nodes/0/data/retry/delay', 'did you mean delay_ms?'],
      ['call', '/nodes/1/data/config/body', undefined],
    ]);
  });

  test('of save_workflow lists the unknown keys of the definition, nodes, data and edges', async () => {
    const developer = await signedIn('developer@acme');
    const definition: Json = {
      nodes: [
        { id: 'a', type: 'delay', positon: {}, data: { lable: 'A', config: { ms: 1 } } },
        { id: 'b', type: 'delay', data: { config: { milliseconds: 1 } } },
      ],
      edges: [{ id: 'e', source: 'a', target: 'b', sourcehandle: 'error' }],
      viewPort: {},
    };
    const { error } = await developer.rpc('save_workflow', {
      kebab_name: `${name}-save`,
      definition,
    });
    expect(error?.code).toBe('SB423');
    const { errors } = JSON.parse(error?.details ?? '{}') as { errors: DefinitionFault[] };
    expect(errors.map(({ pointer, hint }) => [pointer, hint]).sort()).toEqual([
      ['/edges/0/sourcehandle', 'did you mean sourceHandle?'],
      ['/nodes/0/data/lable', 'did you mean label?'],
      ['/nodes/0/positon', 'did you mean position?'],
      ['/viewPort', 'did you mean viewport?'],
    ]);
  });
});

type Canvas = ReturnType<ReactFlowInstance['toObject']>;

function TakeCanvas({ take }: { take: (canvas: Canvas) => void }) {
  take(useReactFlow().toObject());
  return null;
}

/** The result of React Flow's toObject(). */
function toObject(initialNodes: Node[], initialEdges: Edge[]): Canvas {
  const taken: Canvas[] = [];
  const children = createElement(TakeCanvas, { take: (canvas) => taken.push(canvas) });
  renderToString(createElement(ReactFlowProvider, { initialNodes, initialEdges, children }));
  const [canvas] = taken;
  if (canvas === undefined) throw new Error('the canvas was not rendered');
  return canvas;
}

describe('a canvas', () => {
  let uses: Record<'definition' | 'node' | 'edge', Record<string, KeyUse>>;
  beforeAll(async () => {
    uses = usesOf(await readCanvasTypes());
  });

  test('saves as it is: the state of the open canvas is not stored, presentation is', async () => {
    const nodes: Node[] = [
      {
        id: 'frame',
        type: 'delay',
        position: { x: 0, y: 0 },
        data: { label: 'Wait', config: { ms: 1 } },
        width: 300,
        height: 200,
        style: { backgroundColor: '#eee' },
        className: 'frame',
        selected: true,
        dragging: false,
        resizing: true,
        measured: { width: 300, height: 200 },
      },
      {
        id: 'inside',
        type: 'transform',
        position: { x: 20, y: 20 },
        data: { config: { expression: '1' } },
        parentId: 'frame',
        extent: 'parent',
        expandParent: true,
        zIndex: 1001,
        origin: [0.5, 0.5],
        ariaLabel: 'Inside',
        measured: { width: 150, height: 40 },
      },
    ];
    const edges: Edge[] = [
      {
        id: 'e',
        source: 'frame',
        target: 'inside',
        sourceHandle: null,
        targetHandle: null,
        type: 'smoothstep',
        animated: true,
        label: 'then',
        labelStyle: { fill: 'red' },
        markerEnd: { type: 'arrowclosed' },
        selected: true,
        zIndex: 1,
      },
    ];
    const canvas = toObject(nodes, edges);
    expect(canvas.nodes[0]).toMatchObject({ measured: { width: 300 }, selected: true });
    const developer = await signedIn('developer@acme');
    const save = (definition: unknown, kebab_name: string) =>
      developer
        .rpc('save_workflow', { kebab_name, definition: definition as Json })
        .single<Version>();
    const saved = await save(canvas, `${name}-canvas`);
    expect(saved.error).toBeNull();
    expect(saved.data?.definition).toEqual({
      nodes: nodes.map(({ selected, dragging, resizing, measured, ...node }) => node),
      edges: edges.map(({ selected, ...edge }) => edge),
      viewport: { x: 0, y: 0, zoom: 1 },
    });
    const published = await developer.rpc('publish_workflow', {
      workflow_version_id: saved.data?.id ?? '',
    });
    expect(published.error).toBeNull();

    const bare = await save(
      {
        nodes: nodes.map(({ id, type, data }) => ({ id, type, data })).reverse(),
        edges: edges.map(({ id, source, target }) => ({ id, source, target })),
      },
      `${name}-bare`,
    );
    expect(bare.data?.content_hash).toMatch(/^[0-9a-f]{64}$/);
    expect(bare.data?.content_hash).toBe(saved.data?.content_hash);
  });

  const anything = fc
    .jsonValue({ maxDepth: 2 })
    .filter((value) => !/\\u0000|__proto__/.test(JSON.stringify(value)));

  test('has presentation of any value, which changes neither faults nor the content hash', async () => {
    const keysOf = (part: 'definition' | 'node' | 'edge', ...wanted: KeyUse[]) =>
      Object.keys(uses[part]).filter((key) => wanted.includes(uses[part][key] as KeyUse));
    const drawn = (part: 'definition' | 'node' | 'edge') =>
      fc.dictionary(
        fc.constantFrom('x-note', ...keysOf(part, 'presentation', 'session')),
        anything,
        { maxKeys: 8 },
      );
    const without = (object: object, keys: string[]) =>
      Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)));
    await fc.assert(
      fc.asyncProperty(
        validDefinitions,
        drawn('definition'),
        fc.infiniteStream(drawn('node')),
        fc.infiniteStream(drawn('edge')),
        async (definition, around, ofNodes, ofEdges) => {
          const canvas = copyOf({
            ...definition,
            ...around,
            nodes: definition.nodes.map((node) => ({ ...node, ...ofNodes.next().value })),
            edges: definition.edges.map((edge) => ({ ...edge, ...ofEdges.next().value })),
          });
          expect(await faultsOf(canvas)).toEqual([]);
          const kept = await stored(canvas);
          expect(kept.definition).toEqual({
            ...canvas,
            nodes: canvas.nodes.map((node) => without(node, keysOf('node', 'session'))),
            edges: canvas.edges.map((edge) => without(edge, keysOf('edge', 'session'))),
          });
          expect(kept.hash).toBe((await stored(definition)).hash);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('of other content has another content hash', async () => {
    const change = fc.constantFrom<(definition: Definition) => void>(
      ({ nodes }) => Object.assign(nodes[0] ?? {}, { id: 'other' }),
      ({ nodes }) => Object.assign(nodes[0] ?? {}, { type: 'other' }),
      ({ nodes }) => Object.assign(nodes[0]?.data ?? {}, { join: 'any' }),
      ({ nodes }) => Object.assign(nodes[0]?.data ?? {}, { config: { more: 1 } }),
      (definition) => definition.nodes.push({ id: 'more', type: 'delay', data: {} }),
      (definition) => definition.edges.push({ id: 'more', source: 'n0', target: 'n0' }),
      ({ edges }) => Object.assign(edges[0] ?? {}, { target: 'other' }),
      ({ edges }) => Object.assign(edges[0] ?? {}, { sourceHandle: 'error' }),
    );
    await fc.assert(
      fc.asyncProperty(validDefinitions, change, async (definition, edit) => {
        const changed = copyOf(definition);
        edit(changed);
        const isSame = JSON.stringify(changed) === JSON.stringify(definition);
        const [one, other] = [await stored(definition), await stored(changed)];
        expect(one.hash === other.hash).toBe(isSame);
      }),
      { numRuns: 60 },
    );
  });
});
