// The graph of a definition as the compiler reads it: nodes in an order in which every edge leads forward, with their
// edges and their plans.

import { isObject, type Json, listOf, textOf } from '../checker/json.ts';
import { compileTemplate, ExpressionError } from '../expressions/index.ts';
import { type StepType, stepTypes } from '../step-types/index.ts';
import { NotCompilable } from './not-compilable.ts';

export interface Edge {
  source: string;
  target: string;
  handle: string | undefined;
}

/** A step that an activity executes: of the node, of the items of its list, or its compensation. */
export interface Part {
  activity: string;
  type: StepType;
  config: Json;
  timeoutMs: number | undefined;
  retry: Json | undefined;
  reads: readonly string[] | 'all';
  readsInput: boolean;
  isLocal: boolean;
}

export interface GraphNode {
  id: string;
  label: string;
  join: 'all' | 'any';
  continues: boolean;
  incoming: readonly Edge[];
  outgoing: readonly Edge[];
  step: Part;
  item: Part | undefined;
  compensation: Part | undefined;
}

const types = new Map<string, StepType>(stepTypes.map((type) => [type.name, type]));

/** `retryCounts`: of the components, by the activity that runs them; a node without a policy inherits them. */
export function readNodes(
  definition: unknown,
  retryCounts: Readonly<Record<string, number>> = {},
): GraphNode[] {
  const { nodes: given, edges: givenEdges } = isObject(definition) ? definition : {};
  const edges = listOf(givenEdges).flatMap((edge): Edge[] => {
    if (!isObject(edge)) return [];
    const [source, target] = [textOf(edge.source), textOf(edge.target)];
    if (source === undefined || target === undefined) return [];
    return [{ source, target, handle: textOf(edge.sourceHandle) }];
  });
  const nodes = listOf(given).flatMap((node) => {
    if (!isObject(node)) return [];
    const id = textOf(node.id);
    return id === undefined ? [] : [readNode(id, node, edges, retryCounts)];
  });
  return inOrder(nodes);
}

function readNode(
  id: string,
  node: Json,
  edges: readonly Edge[],
  retryCounts: Readonly<Record<string, number>>,
): GraphNode {
  const data = isObject(node.data) ? node.data : {};
  const config = isObject(data.config) ? data.config : {};
  const type = textOf(node.type) ?? '';
  const about = { timeout: data.timeout_ms, retry: data.retry, retryCounts };
  const inner = type === 'for_each' && isObject(config.step) ? config.step : undefined;
  const { step: _inner, ...own } = config;
  const undo = isObject(data.compensate) ? data.compensate : undefined;
  return {
    id,
    label: textOf(data.label) ?? id,
    join: data.join === 'any' ? 'any' : 'all',
    continues: data.on_error === 'continue',
    incoming: edges.filter(({ target }) => target === id),
    outgoing: edges.filter(({ source }) => source === id),
    step: readPart(id, id, type, inner ? own : config, {
      ...about,
      // Its items are retried, one by one; the list itself is not.
      retry: type === 'for_each' ? undefined : about.retry,
    }),
    item: inner && readPart(id, `${id}.item`, textOf(inner.type) ?? '', inner.config, about),
    compensation:
      undo &&
      readPart(id, `${id}.compensate`, textOf(undo.type) ?? '', undo.config, {
        ...{ timeout: undo.timeout_ms, retry: undo.retry, retryCounts },
      }),
  };
}

function readPart(
  node: string,
  activity: string,
  typeName: string,
  given: unknown,
  about: { timeout: unknown; retry: unknown; retryCounts: Readonly<Record<string, number>> },
): Part {
  const type = types.get(typeName);
  if (type === undefined) throw new NotCompilable(node, `there is no step type ${typeName}`);
  const config = isObject(given) ? given : {};
  if (listOf(config.tools).length > 0) {
    throw new NotCompilable(node, 'the tools of an agent run in the engine of Stepbase only');
  }
  const { rawKeys, urlKeys } = type;
  const found = referencesOf(node, config, { rawKeys, urlKeys });
  const timeoutMs = typeof about.timeout === 'number' ? about.timeout : undefined;
  const inherited = about.retryCounts[activity];
  const startsWait = type.defaultTimeoutMs === null || type.name === 'for_each';
  return {
    activity,
    type,
    config,
    timeoutMs,
    retry: isObject(about.retry)
      ? about.retry
      : inherited === undefined
        ? undefined
        : { max_attempts: inherited + 1 },
    reads: found.usesContext ? 'all' : found.reads,
    readsInput: /input|\$/.test(JSON.stringify(config)),
    isLocal: type.isPure || startsWait || type.name === 'emit_event',
  };
}

function referencesOf(node: string, config: Json, options: Parameters<typeof compileTemplate>[1]) {
  try {
    return compileTemplate(config, options);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    throw new NotCompilable(node, error.message);
  }
}

/** Each node after all whose edges lead to it; otherwise in the order of the definition. */
function inOrder(nodes: readonly GraphNode[]): GraphNode[] {
  const ordered: GraphNode[] = [];
  const placed = new Set<string>();
  while (ordered.length < nodes.length) {
    const next = nodes.find(
      ({ id, incoming }) => !placed.has(id) && incoming.every(({ source }) => placed.has(source)),
    );
    if (next === undefined) throw new NotCompilable(undefined, 'the graph has a cycle');
    placed.add(next.id);
    ordered.push(next);
  }
  return ordered;
}
