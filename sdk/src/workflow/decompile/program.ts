// What decompiling knows about a workflow, and what it notes while it writes the code.

import { type Definition, type DefinitionNode, isObject } from '../json.ts';
import { type Position, positions } from '../layout.ts';
import { type Edges, splitEdges } from './edges.ts';
import { variableNames } from './names.ts';
import type { Doc } from './print.ts';
import { addPath, newShape, pathsOf, type Shape, shapeOfSchema, typeDoc } from './shapes.ts';
import { evaluatedTexts, type Output, outputsOf, type TypedStep, typedStep } from './step.ts';
import { requireStructure } from './structure.ts';

/** A version of a workflow as the database has it. */
export interface StoredWorkflow {
  /** The name of the workflow. */
  readonly kebab_name: string;
  /** The name that people see. */
  readonly name?: string | null;
  /** What the workflow is for. */
  readonly description?: string | null;
  /** The steps and edges of the version. */
  readonly definition: Definition;
  /** JSON Schema. */
  readonly input_schema?: object | null;
  /** JSON Schema. */
  readonly output_schema?: object | null;
}

export interface Program {
  readonly workflow: StoredWorkflow;
  readonly nodes: readonly DefinitionNode[];
  /** The steps that the typed methods express. */
  readonly typed: ReadonlyMap<string, TypedStep>;
  readonly outputs: ReadonlyMap<string, Output>;
  readonly input: Shape;
  readonly edges: Edges;
  readonly variables: ReadonlyMap<string, string>;
  /** The automatic positions; undefined: some node has none, so none is automatic. */
  readonly places: ReadonlyMap<string, Position> | undefined;
  /** The names that the code imports. */
  readonly imports: Set<string>;
  /** The steps that other code names. */
  readonly used: Set<string>;
  /** The steps before the one that is being written. */
  readonly declared: Set<string>;
}

export function programOf(workflow: StoredWorkflow): Program {
  const { definition, input_schema: schema } = workflow;
  requireStructure(workflow.kebab_name, definition);
  const { nodes, edges } = definition;
  const steps = nodes.flatMap((node) => typedStep(node) ?? []);
  const ids = nodes.map(({ id }) => id);
  const isPlaced = nodes.every(({ position }) => position !== undefined);
  return {
    workflow,
    nodes,
    typed: new Map(steps.map((step) => [step.id, step])),
    outputs: outputsOf(steps),
    input: isObject(schema) ? shapeOfSchema(schema) : inputReadBy(steps),
    edges: splitEdges(nodes, edges),
    variables: variableNames(ids),
    places: isPlaced ? positions(ids, edges) : undefined,
    imports: new Set(['defineWorkflow']),
    used: new Set(),
    declared: new Set(),
  };
}

/** Without a schema, the input has the properties that the steps read. */
function inputReadBy(steps: readonly TypedStep[]): Shape {
  const shape = newShape();
  for (const { root, names } of pathsOf(steps.map(evaluatedTexts))) {
    if (root === 'input') addPath(shape, names);
  }
  return shape;
}

export function variableOf({ used, variables }: Program, id: string): string {
  used.add(id);
  return variables.get(id) ?? '';
}

export function shapeCode({ imports }: Program, shape: Shape): Doc {
  imports.add('shape');
  return typeDoc(shape, 'shape<', '>()');
}
