// Pinned data, and tests of a part of a workflow. A pinned step does not run in a test: a step that gives the pinned
// output stands in its place. Pins are stored in the draft as `data["x-pin"]`, which has no effect on runs.
import type { Json } from '../../../../types/database.ts';
import {
  type Definition,
  type Edge,
  isObject,
  type JsonObject,
  type Step,
  upstreamOf,
} from './definition.ts';
import { freeId } from './edits.ts';

export interface Pin {
  output: Json;
  /** The handle by which the step is left; null: the edges without a handle. */
  handle: string | null;
}

export const PIN_KEY = 'x-pin';

export function pinOf({ data }: Step): Pin | undefined {
  const pin = data?.[PIN_KEY];
  if (!isObject(pin) || pin.output === undefined) return undefined;
  return { output: pin.output, handle: typeof pin.handle === 'string' ? pin.handle : null };
}

/** JSON is JSONata. */
const literal = (value: Json): string => JSON.stringify(value);

function standIn(step: Step, output: Json): Step {
  return {
    id: step.id,
    type: 'transform',
    data: {
      ...(typeof step.data?.label === 'string' ? { label: step.data.label } : {}),
      config: { expression: literal(output) },
      ...(step.data?.join === undefined ? {} : { join: step.data.join }),
    },
  };
}

/** The definition with stand-ins for the steps that have pins. */
export function withPins(definition: Definition, pins: ReadonlyMap<string, Pin>): Definition {
  if (pins.size === 0) return definition;
  const taken = new Set(definition.nodes.map(({ id }) => id));
  const nodes: Step[] = [];
  const edges: Edge[] = [...definition.edges];
  for (const node of definition.nodes) {
    const pin = pins.get(node.id);
    if (pin === undefined) {
      nodes.push(node);
      continue;
    }
    nodes.push(standIn(node, pin.output));
    if (!edges.some((edge) => edge.source === node.id && edge.sourceHandle)) continue;
    // A transform has no handles of its own, so a condition behind it chooses the pinned one.
    const id = freeId(`${node.id}-pinned`, taken);
    taken.add(id);
    nodes.push({
      id,
      type: 'condition',
      data: { config: { expression: literal(pin.handle ?? 'none') } },
    });
    for (const [at, edge] of edges.entries()) {
      if (edge.source === node.id && edge.sourceHandle) edges[at] = { ...edge, source: id };
    }
    edges.push({
      id: freeId(`${node.id}-${id}`, new Set(edges.map((e) => e.id))),
      source: node.id,
      target: id,
    });
  }
  return { ...definition, nodes, edges };
}

export const pinsOf = ({ nodes }: Definition): Map<string, Pin> =>
  new Map(
    nodes.flatMap((node) => {
      const pin = pinOf(node);
      return pin === undefined ? [] : [[node.id, pin] as const];
    }),
  );

/** A definition that runs one step; the outputs of the steps before it are given. */
export function testOfStep(
  definition: Definition,
  id: string,
  outputs: ReadonlyMap<string, Json>,
): Definition | undefined {
  const step = definition.nodes.find((node) => node.id === id);
  if (step === undefined) return undefined;
  const before = upstreamOf(definition, id);
  const { join: _join, compensate: _compensate, ...data }: JsonObject = step.data ?? {};
  return {
    nodes: [
      ...definition.nodes
        .filter((node) => before.includes(node.id))
        .map((node) =>
          standIn(
            { ...node, data: { ...node.data, join: undefined } },
            outputs.get(node.id) ?? null,
          ),
        ),
      { ...step, data },
    ],
    edges: before.map((source, at) => ({ id: `e${at}`, source, target: id })),
  };
}
