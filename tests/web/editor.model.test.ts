// The model of the editor: edits, merges of two drafts, pins, and the undo of edits.
import { expect, test } from 'vitest';
import { checkDefinition } from '../../functions/_shared/checker/index.ts';
import type { Json } from '../../types/database.ts';
import { proposalIn } from '../../web/src/editor/assistant/proposal.ts';
import { promptText, systemText } from '../../web/src/editor/assistant/question.ts';
import { changed, redone, started, undone } from '../../web/src/editor/draft/history.ts';
import { changesOf } from '../../web/src/editor/model/changes.ts';
import type { Definition, Draft } from '../../web/src/editor/model/definition.ts';
import {
  addStep,
  changeConfig,
  changeData,
  connect,
  paste,
  pieceOf,
  remove,
  renameStep,
} from '../../web/src/editor/model/edits.ts';
import { faultText } from '../../web/src/editor/model/faults.ts';
import { durationText, fieldsOf, parseDuration } from '../../web/src/editor/model/fields.ts';
import { handlesOf } from '../../web/src/editor/model/handles.ts';
import { mergeDrafts } from '../../web/src/editor/model/merge.ts';
import { testOfStep, withPins } from '../../web/src/editor/model/pins.ts';
import { draftIn } from '../../web/src/editor/model/text.ts';
import { importWorkflow, kebabOf } from '../../web/src/editor/new/import.ts';
import templates from '../../web/src/editor/new/templates.json' with { type: 'json' };

const definition: Definition = {
  nodes: [
    {
      id: 'fetch',
      type: 'http_request',
      position: { x: 0, y: 0 },
      'x-mine': 1,
      data: { config: { url: 'https://a.example' } },
    },
    {
      id: 'ask',
      type: 'wait_for_approval',
      position: { x: 320, y: 0 },
      data: { config: { title: '{{ steps.fetch.output.body.id }}' } },
    },
    {
      id: 'ship',
      type: 'transform',
      position: { x: 640, y: 0 },
      data: {
        config: { expression: 'steps.fetch.output & steps.`ask`.output & steps.fetcher.output' },
      },
    },
  ],
  edges: [
    { id: 'e1', source: 'fetch', target: 'ask' },
    { id: 'e2', source: 'ask', target: 'ship', sourceHandle: 'approved', animated: true },
  ],
  viewport: { x: 1, y: 2, zoom: 1 },
};
const draft: Draft = { definition, inputSchema: null, outputSchema: null };
const configOf = ({ definition: { nodes } }: Draft, id: string) =>
  (nodes.find((node) => node.id === id)?.data?.config ?? {}) as Record<string, unknown>;

test('edits keep what the editor does not know', () => {
  const renamed = renameStep(draft, 'fetch', 'fetch-order');
  expect(renamed.definition.viewport).toEqual({ x: 1, y: 2, zoom: 1 });
  expect(renamed.definition.nodes[0]).toMatchObject({ id: 'fetch-order', 'x-mine': 1 });
  expect(renamed.definition.edges[0]).toMatchObject({ source: 'fetch-order' });
  expect(configOf(renamed, 'ask').title).toBe('{{ steps.`fetch-order`.output.body.id }}');
  // Another step, whose id begins the same, keeps its name.
  expect(configOf(renamed, 'ship').expression).toBe(
    'steps.`fetch-order`.output & steps.`ask`.output & steps.fetcher.output',
  );
  expect(renameStep(renamed, 'fetch-order', 'fetch')).toEqual(draft);
  expect(renameStep(draft, 'fetch', 'ask')).toBe(draft);

  const added = addStep(draft, { type: 'delay', after: 'ask', handle: 'rejected' });
  expect(added.draft.definition.edges.at(-1)).toMatchObject({
    source: 'ask',
    target: 'delay',
    sourceHandle: 'rejected',
  });
  expect(addStep(added.draft, { type: 'delay' }).id).toBe('delay_2');
  // Nothing is drawn over another card.
  const places = addStep(added.draft, { type: 'delay', after: 'ask' }).draft.definition.nodes.map(
    ({ position }) => JSON.stringify(position),
  );
  expect(new Set(places).size).toBe(5);

  expect(connect(draft, { source: 'ship', target: 'fetch', handle: null })).toBe(draft);
  expect(connect(draft, { source: 'fetch', target: 'ask', handle: null })).toBe(draft);
  expect(remove(draft, new Set(['ask']), new Set()).definition.edges).toEqual([]);
  expect(changeData(draft, 'ask', { join: 'any' }).definition.nodes[1]?.data).toMatchObject({
    join: 'any',
  });
  expect(changeConfig(draft, 'fetch', 'url', undefined).definition.nodes[0]?.data?.config).toEqual(
    {},
  );

  const copied = paste(draft, pieceOf(draft, new Set(['fetch', 'ask'])));
  expect(copied.ids).toEqual(['fetch_2', 'ask_2']);
  expect(configOf(copied.draft, 'ask_2').title).toBe('{{ steps.fetch_2.output.body.id }}');
  expect(configOf(copied.draft, 'ask').title).toBe('{{ steps.fetch.output.body.id }}');
  expect(copied.draft.definition.edges.at(-1)).toMatchObject({
    source: 'fetch_2',
    target: 'ask_2',
  });
});

test('saves of two persons are merged by step; the same step is a conflict', () => {
  const mine = changeConfig(draft, 'fetch', 'url', 'https://mine.example');
  const theirs = addStep(changeConfig(draft, 'ask', 'title', 'Theirs'), { type: 'delay' }).draft;
  const merged = mergeDrafts(draft, mine, theirs);
  expect(merged.conflicts).toEqual([]);
  expect(configOf(merged.draft, 'fetch').url).toBe('https://mine.example');
  expect(configOf(merged.draft, 'ask').title).toBe('Theirs');
  expect(merged.draft.definition.nodes).toHaveLength(4);

  const same = mergeDrafts(
    draft,
    mine,
    changeConfig(draft, 'fetch', 'url', 'https://theirs.example'),
  );
  expect(same.conflicts).toEqual(['fetch']);
  const described = { ...draft, outputSchema: { title: 'Theirs' } };
  expect(mergeDrafts(draft, mine, described).draft.outputSchema).toEqual({ title: 'Theirs' });
  const both = mergeDrafts(draft, { ...mine, outputSchema: { title: 'Mine' } }, described);
  expect(both).toMatchObject({
    conflicts: ['the output schema'],
    draft: { outputSchema: { title: 'Mine' } },
  });
  expect(changesOf(draft, described)).toEqual([
    { kind: 'changed', what: 'Output schema', keys: ['title'] },
  ]);
  // They removed a step to which I drew an edge: no edge without an end.
  const gone = mergeDrafts(
    draft,
    connect(draft, { source: 'fetch', target: 'ship', handle: null }),
    remove(draft, new Set(['ship']), new Set()),
  );
  expect(gone.draft.definition.edges.map(({ id }) => id)).toEqual(['e1']);
  expect(changesOf(draft, merged.draft)).toEqual([
    { kind: 'changed', what: 'fetch', keys: ['config.url'] },
    { kind: 'changed', what: 'ask', keys: ['config.title'] },
    { kind: 'added', what: 'delay', keys: [] },
  ]);
});

test('typing in a field is one step of undo', () => {
  let state = started(draft);
  const url = (text: string) => changeConfig(state.present, 'fetch', 'url', text);
  state = changed(state, url('h'), 'url', 1_000);
  state = changed(state, url('ht'), 'url', 1_200);
  state = changed(state, url('htt'), 'url', 9_000);
  expect(state.past).toHaveLength(2);
  state = undone(state);
  expect(configOf(state.present, 'fetch').url).toBe('ht');
  state = undone(state);
  expect(state.present).toBe(draft);
  expect(undone(state)).toBe(state);
  expect(configOf(redone(redone(state)).present, 'fetch').url).toBe('htt');
});

test('a test with pins, and a test of one step, are definitions without faults', async () => {
  const pins = new Map([['ask', { output: { approved: true }, handle: 'approved' }]]);
  const pinned = withPins(
    changeConfig(draft, 'ship', 'expression', 'steps.ask.output').definition,
    pins,
  );
  expect(pinned.nodes.map(({ id, type }) => `${id} ${type}`)).toEqual([
    'fetch http_request',
    'ask transform',
    'ask-pinned condition',
    'ship transform',
  ]);
  expect(pinned.edges).toContainEqual({
    id: 'e2',
    source: 'ask-pinned',
    target: 'ship',
    sourceHandle: 'approved',
    animated: true,
  });
  expect((await checkDefinition(pinned)).filter(({ severity }) => severity === 'error')).toEqual(
    [],
  );

  const alone = testOfStep(definition, 'ask', new Map([['fetch', { body: { id: 7 } }]]));
  expect(alone?.nodes.map(({ id, type }) => `${id} ${type}`)).toEqual([
    'fetch transform',
    'ask wait_for_approval',
  ]);
  expect(await checkDefinition(alone)).toEqual([]);
});

test('handles follow the step type and the edges', () => {
  const [fetch, ask] = definition.nodes;
  if (fetch === undefined || ask === undefined) throw new Error('two steps');
  expect(handlesOf(fetch, definition, { handles: [] })).toEqual([null]);
  expect(handlesOf(ask, definition, { handles: ['approved', 'rejected', 'timeout'] })).toEqual([
    'approved',
    'rejected',
  ]);
  const failing = connect(draft, { source: 'ask', target: 'ship', handle: 'timeout' });
  expect(
    handlesOf(ask, failing.definition, { handles: ['approved', 'rejected', 'timeout'] }),
  ).toEqual(['approved', 'rejected', 'timeout']);
  expect(handlesOf({ id: 'c', type: 'condition' }, definition, { handles: null })).toEqual([
    'true',
    'false',
  ]);
});

test('fields come from the schema of the config', () => {
  const fields = fieldsOf(
    {
      required: ['url'],
      properties: {
        method: { type: 'string', pattern: '^([Gg][Ee][Tt]|[Pp][Uu][Tt])$', default: 'GET' },
        url: { type: 'string' },
        body: {},
        timeout_ms: { type: ['integer', 'null'], minimum: 1 },
        role: { type: ['string', 'array', 'null'] },
        expression: { type: 'string' },
        reject_on: { anyOf: [{ enum: ['first', 'unreachable'] }, { type: 'null' }] },
      },
    },
    { expression: 'jsonata' },
  );
  expect(fields.map(({ key, kind }) => `${key} ${kind}`)).toEqual([
    'url text',
    'method choice',
    'body json',
    'timeout_ms duration',
    'role names',
    'expression jsonata',
    'reject_on choice',
  ]);
  expect(fields.find(({ key }) => key === 'method')?.choices).toEqual(['GET', 'PUT']);
  expect(parseDuration('1h 30min')).toBe(5_400_000);
  expect(parseDuration('250')).toBe(250);
  expect(parseDuration('soon')).toBeUndefined();
  for (const ms of [0, 1, 999, 90_000, 5_400_000, 90_061_001])
    expect(parseDuration(durationText(ms))).toBe(ms);
});

test('a fault names the field by its label', () => {
  for (const [message, text] of [
    ['config.expression is required', 'Expression is required'],
    ['config.step.config.body_text must be a string', 'Body text must be a string'],
    ['config.title must have at least 1 characters', 'Title must not be empty'],
    ['Unknown step a in config.url', 'Unknown step a in “URL”'],
    ['config.titel is not a known key of delay', '“titel” is not a known key of delay'],
    ['retry.max_attempts must be an integer', 'retry.max_attempts must be an integer'],
  ] as const) {
    expect(faultText({ message })).toBe(text);
  }
  expect(faultText({ message: 'Unknown step a', hint: 'did you mean b?' })).toBe(
    'Unknown step a; did you mean b?',
  );
});

test('templates and imported JSON are workflows without errors', async () => {
  for (const template of templates.map(importWorkflow)) {
    const faults = await checkDefinition(template.definition, {
      inputSchema: template.inputSchema ?? undefined,
    });
    expect(faults.filter(({ severity }) => severity === 'error')).toEqual([]);
  }
  expect(importWorkflow(definition)).toMatchObject({ name: '', definition });
  expect(() => importWorkflow({ nodes: [] })).toThrow('edges must be a list');
  expect(() => importWorkflow([])).toThrow('not a JSON object');
  expect(kebabOf(' Größe prüfen (neu) ')).toBe('gro-e-prufen-neu');
  expect(draftIn({ nodes: [], edges: [{ id: 'e', source: 'a', target: 'b' }] }, draft)).toContain(
    'does not exist',
  );
  const schemas = { input_schema: { type: 'object' }, output_schema: { title: 'Total' } };
  expect(draftIn({ definition, ...schemas }, draft)).toEqual({
    definition,
    inputSchema: { type: 'object' },
    outputSchema: { title: 'Total' },
  });
  expect(draftIn({ definition, output_schema: [] }, draft)).toContain('output_schema must be');
  // A definition alone keeps the schemas; a whole draft without one removes it.
  const described: Draft = { ...draft, outputSchema: { title: 'Total' } };
  expect(draftIn(definition as Json, described)).toEqual(described);
  expect(draftIn({ definition }, described)).toEqual(draft);
  expect(importWorkflow({ definition, ...schemas })).toMatchObject({
    outputSchema: { title: 'Total' },
  });
});

test('a model gets the draft without its places, and its answer keeps what it has left out', () => {
  const asked = promptText({
    wish: 'Pay later.',
    draft,
    faults: [
      { node: 'ask', pointer: '/nodes/1', code: 'x', message: 'is wrong', severity: 'error' },
    ],
  });
  expect(asked).toContain('Pay later.');
  expect(asked).toContain('"x-mine":1');
  expect(asked).not.toContain('position');
  expect(asked).toContain('- step ask, /nodes/1: is wrong');
  const [type] = [
    {
      name: 'transform',
      description: 'Computes.',
      config_schema: { type: 'object' },
      raw_keys: { expression: 'jsonata' },
      handles: [],
      may_use_secrets: false,
    },
  ];
  expect(systemText([type])).toContain('"code":{"expression":"jsonata"}');

  const nodes = [
    { id: 'fetch', type: 'http_request', data: { config: { url: 'https://b.example' } } },
    { id: 'pay', type: 'transform' },
  ];
  const edges = [{ id: 'e1', source: 'fetch', target: 'pay' }];
  const answer = { summary: 'Pays.', definition: { nodes, edges } };
  const fenced = `Sure:\n\`\`\`json\n${JSON.stringify(answer)}\n\`\`\`\nDone.`;
  const { draft: next, ...rest } = proposalIn(fenced, {
    ...draft,
    inputSchema: { type: 'object' },
  });
  expect(rest).toEqual({ summary: 'Pays.', isUnplaced: true });
  expect(next.definition).toEqual({
    nodes: [{ ...nodes[0], position: { x: 0, y: 0 } }, nodes[1]],
    edges,
    viewport: definition.viewport,
  });
  expect(next.inputSchema).toEqual({ type: 'object' });
  expect(
    proposalIn(JSON.stringify({ ...answer, input_schema: null }), next).draft.inputSchema,
  ).toBe(null);
  for (const [text, message] of [
    ['I cannot do that.', 'has no workflow'],
    ['{"definition": {"nodes": [', 'no workflow'],
    ['{"definition": {"nodes": [}', 'not complete JSON'],
    ['{"definition": {"nodes": []}}', 'edges must be a list'],
  ] as const) {
    expect(() => proposalIn(text, draft)).toThrow(message);
  }
});
