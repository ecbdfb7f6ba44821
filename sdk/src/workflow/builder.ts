// The `w` of defineWorkflow: collects the steps and connections that the function adds, and makes a definition of them.

import { type Connection, edgesOf, type Origin, readsOf, type Target } from './edges.ts';
import { requireEnds } from './ends.ts';
import { DefinitionError } from './errors.ts';
import { reference } from './expressions.ts';
import { methodName, requireStepId } from './ids.ts';
import {
  type Definition,
  type DefinitionNode,
  isObject,
  type Json,
  type JsonObject,
} from './json.ts';
import { positions } from './layout.ts';
import { render, renderConfig } from './render.ts';
import { STEP_TYPES } from './step-types.ts';
import type { Branch, Predecessor, Step } from './steps.ts';

/** The options of a step at run time; steps.ts has their types. */
interface Options {
  readonly after?: Predecessor | readonly Predecessor[] | undefined;
  readonly compensate?: ((scope: object) => unknown) | undefined;
  readonly canvas?: JsonObject | undefined;
  readonly [key: string]: unknown;
}

interface Inner {
  readonly type: string;
  readonly config: JsonObject;
  readonly options: Readonly<Record<string, unknown>>;
}

const ORIGIN = Symbol.for('stepbase.origin');
const INNER = Symbol.for('stepbase.inner');

/** Keys of `data`, in the order of the documentation. */
const DATA_KEYS = ['retry', 'timeout_ms', 'on_error', 'join'];

/** One method for each step type that the filter admits. */
function methodsOf<Method>(
  make: (type: string) => Method,
  admits: (facts: (typeof STEP_TYPES)[keyof typeof STEP_TYPES]) => boolean = () => true,
): Record<string, Method> {
  return Object.fromEntries(
    Object.entries(STEP_TYPES).flatMap(([type, facts]) =>
      admits(facts) ? [[methodName(type), make(type)]] : [],
    ),
  );
}

const innerMethod =
  (type: string) =>
  (config: unknown, options: Readonly<Record<string, unknown>> = {}) => ({
    [INNER]: { type, config: renderConfig(type, config), options } satisfies Inner,
  });

const ITEM_STEPS = methodsOf(innerMethod, ({ inForEach }) => inForEach);
const COMPENSATION_STEPS = methodsOf(innerMethod, ({ inCompensation }) => inCompensation);

function innerOf(value: unknown, place: string): Inner {
  const inner = isObject(value) ? (value as { [INNER]?: Inner })[INNER] : undefined;
  if (inner === undefined) {
    throw new DefinitionError(
      'invalid_config',
      `${place} must return a step: ({ step }) => step.httpRequest({ … })`,
    );
  }
  return inner;
}

const TAKES_STEPS = 'after and connect take steps and their outcomes';
const RETURNED = 'the function returns nothing, its end step, or a list of all its end steps';

function originOf(value: unknown, expected = TAKES_STEPS): Origin {
  const origin = isObject(value) ? (value as { [ORIGIN]?: Origin })[ORIGIN] : undefined;
  if (origin === undefined) throw new DefinitionError('dangling_edge', expected);
  return origin;
}

function stepOf(id: string): Step {
  const on = (handle: string) => ({ [ORIGIN]: { source: id, handle } }) as unknown as Branch;
  const step = {
    [ORIGIN]: { source: id, handle: undefined },
    id,
    output: reference('steps', id, 'output'),
    error: reference('steps', id, 'output', 'error'),
    on,
    match: (cases: Readonly<Record<string, ((branch: Branch) => unknown) | null>>) =>
      Object.fromEntries(
        Object.entries(cases).map(([handle, next]) => [handle, next?.(on(handle))]),
      ),
  };
  return Object.freeze(step) as unknown as Step;
}

export interface Layout {
  /** false: only the positions that the steps state. */
  readonly layout?: 'auto' | false | undefined;
  /** Other keys of the definition: viewport, and those that begin with x-. */
  readonly canvas?: JsonObject | undefined;
}

export class Builder {
  readonly #nodes: DefinitionNode[] = [];
  readonly #targets: Target[] = [];
  readonly #connections: Connection[] = [];

  /** The methods of `w` that add something. */
  readonly methods: Readonly<Record<string, unknown>> = {
    ...methodsOf(
      (type) => (id: string, config: unknown, options?: Options) =>
        this.#add(id, type, config, options),
    ),
    node: (node: DefinitionNode, options?: Options) => this.#addNode(node, options),
    connect: (from: unknown, to: Step, more: JsonObject = {}) => {
      this.#connections.push({ origin: originOf(from), target: originOf(to).source, more });
    },
  };

  #add(id: string, type: string, config: unknown, options: Options = {}): Step {
    try {
      const { label, after, output: _typeOnly, compensate, canvas = {}, ...rest } = options;
      const data: Record<string, unknown> = {
        label,
        config: type === 'for_each' ? forEachConfig(config) : renderConfig(type, config),
      };
      for (const key of DATA_KEYS) data[key] = rest[key];
      if (compensate !== undefined) data.compensate = compensation(id, compensate);
      for (const [key, value] of Object.entries(rest)) {
        if (key.startsWith('x-')) data[key] = value;
        else if (!DATA_KEYS.includes(key)) {
          throw new DefinitionError('unknown_key', `${key} is not a known option of a step`);
        }
      }
      return this.#addNode({ ...canvas, id, type, data: render(data) ?? {} }, { after });
    } catch (error) {
      // Errors of expressions and schemas do not know their step.
      if (!(error instanceof DefinitionError) || error.step !== undefined) throw error;
      throw new DefinitionError(error.code, error.message, id);
    }
  }

  #addNode(node: DefinitionNode, { after }: Options = {}): Step {
    const { id } = node;
    requireStepId(id);
    const known = this.#targets.map((target) => target.id);
    if (known.includes(id))
      throw new DefinitionError('duplicate_node', `two steps have the id ${id}`);
    const rendered = render(node) as DefinitionNode;
    this.#nodes.push(rendered);
    this.#targets.push({
      id,
      after: after === undefined ? undefined : [after].flat().map((one) => originOf(one)),
      reads: readsOf((rendered.data as JsonObject | undefined)?.config, known),
    });
    return stepOf(id);
  }

  /** `ends`: the end steps, as the function of defineWorkflow returned them. */
  definition({ layout = 'auto', canvas = {} }: Layout, ends?: unknown): Definition {
    const edges = edgesOf(this.#targets, this.#connections);
    if (ends !== undefined) {
      const returned = [ends].flat().map((end) => originOf(end, RETURNED));
      requireEnds(
        this.#targets.map(({ id }) => id),
        edges,
        { returned, isList: Array.isArray(ends) },
      );
    }
    const places =
      layout === false
        ? undefined
        : positions(
            this.#targets.map(({ id }) => id),
            edges,
          );
    const nodes = this.#nodes.map((node) => {
      const position = node.position ?? (places?.get(node.id) as Json | undefined);
      return position === undefined ? node : { ...node, position };
    });
    return { ...(render(canvas) as JsonObject), nodes, edges };
  }
}

function forEachConfig(config: unknown): JsonObject {
  if (!isObject(config) || typeof config.step !== 'function') {
    throw new DefinitionError(
      'invalid_config',
      'the step of a for_each is a function: ({ item, step }) => step.httpRequest({ … })',
    );
  }
  const scope = { item: reference('item'), index: reference('index'), step: ITEM_STEPS };
  const inner = innerOf(
    (config.step as (scope: object) => unknown)(scope),
    'the step of a for_each',
  );
  return renderConfig('for_each', { ...config, step: { type: inner.type, config: inner.config } });
}

function compensation(id: string, compensate: NonNullable<Options['compensate']>): JsonObject {
  const scope = { output: reference('steps', id, 'output'), step: COMPENSATION_STEPS };
  const { type, config, options } = innerOf(compensate(scope), 'compensate');
  return { type, config, ...(render(options) as JsonObject) };
}
