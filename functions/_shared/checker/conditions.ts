// Conditions whose values the syntax tree shows: each edge must have a handle that one of the values chooses.

import { nearestWord } from '../text/nearest.ts';
import { type Fault, pointerTo, suggestion } from './fault.ts';
import type { Graph, GraphNode } from './graph.ts';
import { isObject } from './json.ts';

interface Values {
  /** Every handle that the value of the expression can choose. */
  handles: Set<string>;
  /** The values that are written out, with the handles that each of them can choose. */
  literals: Map<string, readonly string[]>;
}

const comparisons = new Set(['=', '!=', '<', '<=', '>', '>=', 'in', 'and', 'or']);
const tests = new Set(['not', 'exists', 'boolean']);
/** Every step has them; `default` takes the values that no other edge takes. */
const always = new Set(['error', 'timeout', 'default']);

export function conditionFaults(node: GraphNode, ast: unknown, graph: Graph): Fault[] {
  const values = valuesOf(ast);
  const edges = graph.edges.filter(({ source }) => source === node.id);
  if (values === undefined) return [];
  const faults: Fault[] = [];
  const taken = new Set(edges.map(({ handle }) => handle));
  for (const { handle, pointer } of edges) {
    if (handle === undefined || always.has(handle) || values.handles.has(handle)) continue;
    faults.push({
      node: node.id,
      pointer: pointerTo(pointer, 'sourceHandle'),
      code: 'edge_never_taken',
      message: `the edge ${handle} is never taken: the condition has only the values ${[...values.handles].join(', ')}`,
      severity: 'error',
      ...suggestion(
        nearestWord(
          handle,
          [...values.handles].filter((value) => !taken.has(value)),
        ),
      ),
    });
  }
  if (edges.length === 0 || taken.has(undefined) || taken.has('default')) return faults;
  const named = [...taken].filter((handle) => handle !== undefined && !always.has(handle));
  for (const [value, handles] of values.literals) {
    if (handles.some((handle) => taken.has(handle))) continue;
    faults.push({
      node: node.id,
      pointer: pointerTo(node.pointer, 'data', 'config', 'expression'),
      code: 'value_takes_no_edge',
      message: `the value ${value} takes no edge: there are edges for ${named.join(', ') || 'no value'}`,
      severity: 'warning',
      ...suggestion(
        nearestWord(
          value,
          named.filter((handle) => handle !== undefined),
        ),
      ),
    });
  }
  return faults;
}

/** undefined: the text does not show all values. */
function valuesOf(ast: unknown): Values | undefined {
  if (!isObject(ast)) return undefined;
  switch (ast.type) {
    case 'string':
      return ast.value === '' ? truth('false') : literal(String(ast.value), [String(ast.value)]);
    case 'number': {
      const number = Number(ast.value);
      const text = String(Number(number.toPrecision(15)));
      return literal(text, [text, String(number !== 0)]);
    }
    case 'value':
      return truth(String(ast.value === true));
    case 'binary':
      return comparisons.has(String(ast.value)) ? truth('true', 'false') : undefined;
    case 'function':
      return isObject(ast.procedure) &&
        ast.procedure.type === 'variable' &&
        tests.has(String(ast.procedure.value))
        ? truth('true', 'false')
        : undefined;
    case 'block':
      return valuesOf(Array.isArray(ast.expressions) ? ast.expressions.at(-1) : undefined);
    case 'condition':
      return both(valuesOf(ast.then), ast.else === undefined ? truth('false') : valuesOf(ast.else));
    default:
      return undefined;
  }
}

const truth = (...handles: string[]): Values => ({
  handles: new Set(handles),
  literals: new Map(),
});

const literal = (value: string, handles: readonly string[]): Values => ({
  handles: new Set(handles),
  literals: new Map([[value, handles]]),
});

function both(one: Values | undefined, other: Values | undefined): Values | undefined {
  return one === undefined || other === undefined
    ? undefined
    : {
        handles: new Set([...one.handles, ...other.handles]),
        literals: new Map([...one.literals, ...other.literals]),
      };
}
