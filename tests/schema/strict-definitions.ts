// Definitions for a property test: valid ones with steps of every type, and the places in them where an unknown key
// is a fault.

import fc from 'fast-check';
import { stepTypes } from '../../functions/_shared/step-types/index.ts';
import { toJsonSchema } from '../../scripts/step-types/json-schema.ts';
import type { JsonSchema } from './configs.ts';

type Json = Record<string, unknown>;

export interface Definition {
  nodes: Json[];
  edges: Json[];
  [key: string]: unknown;
}

/** A valid config of each step type, with the objects that can be in it. */
export const CONFIGS: Readonly<Record<string, Json>> = {
  http_request: {
    url: 'https://x.example',
    headers: { 'x-any': '1' },
    query: { any: 'thing' },
    body: { any: { thing: 1 } },
  },
  webhook: { url: 'https://x.example', payload: { any: { thing: 1 } } },
  transform: { expression: '1' },
  condition: { expression: 'true' },
  inline_code: { code: '() => 1' },
  llm_call: {
    model: 'm',
    messages: [
      { role: 'system', content: 'a' },
      { role: 'user', content: '{{ input.question }}' },
    ],
    response_schema: { type: 'object', properties: { any: {} } },
  },
  send_email: {
    to: 'ada@x.example',
    subject: 's',
    text: 't',
    attachments: [
      { filename: 'a.txt', content: 'a' },
      { filename: 'b.bin', content: { encoding: 'base64', data: 'AA==' } },
    ],
  },
  wait_for_approval: { title: 't' },
  user_task: { title: 't', form: { type: 'object', properties: { any: {} } } },
  delay: { ms: 1 },
  wait_for_signal: { signal_name: 's' },
  send_signal: { signal_name: 's', payload: { any: { thing: 1 } } },
  query_run: { query_name: 'q' },
  sql_function: { function: 'public.f', arguments: { any: { thing: 1 } } },
  storage_read: { bucket: 'b', path: 'a.txt' },
  storage_write: { bucket: 'b', path: 'a.txt', content: { any: { thing: 1 } } },
  emit_event: { name: 'e', payload: { any: { thing: 1 } } },
  child_workflow: { workflow: 'w', input: { any: { thing: 1 } } },
  for_each: {
    items: [{ any: 'thing' }],
    step: { type: 'http_request', config: { url: 'https://x.example', headers: { any: 'thing' } } },
  },
  work_queue_push: { queue: 'q', item: { any: { thing: 1 } } },
  work_queue_pop: { queue: 'q' },
  service_task: { component: 'c', input: { any: { thing: 1 } } },
  ai_agent_task: {
    component: 'c',
    input: { any: { thing: 1 } },
    tools: [{ component: 'c', approval: { title: 't' } }],
  },
};

const schemaOf = new Map(
  stepTypes.map(({ name, config }) => [name as string, toJsonSchema(config) as JsonSchema]),
);

const retry = { max_attempts: 2, delay_ms: 10 };
const compensate = {
  type: 'webhook',
  config: { url: 'https://x.example', headers: { any: 'thing' } },
  retry,
  timeout_ms: 10,
};

/** Chains of one to six steps. */
export const validDefinitions: fc.Arbitrary<Definition> = fc
  .array(
    fc.record(
      {
        type: fc.constantFrom(...Object.keys(CONFIGS)),
        retry: fc.constant(retry),
        compensate: fc.constant(compensate),
        label: fc.string(),
        'x-note': fc.constant({ any: 'thing' }),
      },
      { requiredKeys: ['type'] },
    ),
    { minLength: 1, maxLength: 6 },
  )
  .map((steps) => ({
    nodes: steps.map(({ type, ...data }, at) => ({
      id: `n${at}`,
      type,
      position: { x: at, y: 0, any: 'thing' },
      data: { config: structuredClone(CONFIGS[type]), ...structuredClone(data) },
    })),
    edges: steps
      .slice(1)
      .map((_, at) => ({ id: `e${at}`, source: `n${at}`, target: `n${at + 1}`, data: { any: 1 } })),
    viewport: { x: 0, y: 0, zoom: 1, any: 'thing' },
  }));

export interface Place {
  /** The keys that lead to the object. */
  path: readonly (string | number)[];
  object: Json;
  /** Id of the node that a fault is reported for. */
  node: string | null;
  /** Keys that begin with x- are known here. */
  hasOwnKeys: boolean;
}

function placesOf(
  schema: JsonSchema | undefined,
  value: unknown,
  path: Place['path'],
  node: string | null,
): Place[] {
  if (schema === undefined || typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) {
    return value.flatMap((item, at) => placesOf(schema.items, item, [...path, at], node));
  }
  if (schema.properties === undefined) return [];
  const inside = Object.entries(value).flatMap(([key, part]) =>
    placesOf(schema.properties?.[key], part, [...path, key], node),
  );
  return [{ path, object: value as Json, node, hasOwnKeys: false }, ...inside];
}

/** Objects whose keys are all known: an unknown key in them is a fault. */
export function strictPlaces(definition: Definition): Place[] {
  const nodes = definition.nodes.flatMap((node, at): Place[] => {
    const id = String(node.id);
    const data = node.data as Json;
    const { config, retry: policy, compensate: undo } = data;
    const inData = ['nodes', at, 'data'];
    const open = (object: unknown, path: Place['path']): Place[] =>
      object === undefined ? [] : [{ path, object: object as Json, node: id, hasOwnKeys: false }];
    const { step } = config as { step?: Json };
    return [
      { path: ['nodes', at], object: node, node: id, hasOwnKeys: true },
      { path: inData, object: data, node: id, hasOwnKeys: true },
      ...placesOf(schemaOf.get(String(node.type)), config, [...inData, 'config'], id),
      ...(step === undefined
        ? []
        : placesOf(
            schemaOf.get(String(step.type)),
            step.config,
            [...inData, 'config', 'step', 'config'],
            id,
          )),
      ...open(policy, [...inData, 'retry']),
      ...open(undo, [...inData, 'compensate']),
      ...open((undo as Json | undefined)?.retry, [...inData, 'compensate', 'retry']),
      ...(undo === undefined
        ? []
        : placesOf(
            schemaOf.get(String((undo as Json).type)),
            (undo as Json).config,
            [...inData, 'compensate', 'config'],
            id,
          )),
    ];
  });
  const edges = definition.edges.map((edge, at) => ({
    path: ['edges', at],
    object: edge,
    node: String(edge.source),
    hasOwnKeys: true,
  }));
  return [{ path: [], object: definition, node: null, hasOwnKeys: true }, ...nodes, ...edges];
}

/** RFC 6901. */
export function pointerTo(path: readonly (string | number)[]): string {
  return path
    .map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('');
}
