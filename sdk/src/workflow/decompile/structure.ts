// What code can express at all. People run decompiled code, so an id is checked before it becomes the name of a variable.

import { DefinitionError } from '../errors.ts';
import { requireStepId, requireWorkflowName } from '../ids.ts';
import { isObject } from '../json.ts';

type Json = Readonly<Record<string, unknown>>;

/** Throws the DefinitionError that compiling would throw, for a draft that no code compiles to. */
export function requireStructure(name: unknown, definition: unknown): void {
  requireWorkflowName(name);
  if (
    !isObject(definition) ||
    !Array.isArray(definition.nodes) ||
    !Array.isArray(definition.edges)
  ) {
    throw new DefinitionError('not_an_object', 'the definition must have lists of nodes and edges');
  }
  const ids = new Set<unknown>();
  for (const node of objectsOf(definition.nodes, 'node')) {
    requireStepId(node.id);
    if (ids.has(node.id)) {
      throw new DefinitionError('duplicate_node', `two steps have the id ${node.id}`);
    }
    ids.add(node.id);
  }
  for (const { id, source, target } of objectsOf(definition.edges, 'edge')) {
    if (!ids.has(source) || !ids.has(target)) {
      const message = `the edge ${String(id)} must lead from a step to a step`;
      throw new DefinitionError('dangling_edge', message);
    }
  }
}

function objectsOf(values: readonly unknown[], what: string): readonly Json[] {
  return values.map((value) => {
    if (isObject(value)) return value;
    throw new DefinitionError('not_an_object', `each ${what} must be an object`);
  });
}
