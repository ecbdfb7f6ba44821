// activities.ts of a compiled project: the handler and the config of each step.

import type { GraphNode, Part } from './graph.ts';
import { keyOf, literal } from './literals.ts';

/** The name of the handler of a step type: http_request is httpRequest. */
export const handlerName = (type: string): string =>
  type.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

const partsOf = ({ step, item, compensation }: GraphNode): Part[] =>
  [step, item, compensation].filter((part) => part !== undefined);

/** The step types that the nodes use, in alphabetical order. */
export function usedTypes(nodes: readonly GraphNode[]): string[] {
  return [...new Set(nodes.flatMap(partsOf).map(({ type }) => type.name))].sort();
}

export function activitiesCode(nodes: readonly GraphNode[]): string {
  const imports = [...usedTypes(nodes).map(handlerName), 'type Steps', 'step'].sort(byName);
  const entries = nodes.flatMap((node) =>
    partsOf(node).map((part) => {
      const facts = factsOf(node, part);
      const more = Object.keys(facts).length === 0 ? '' : `, ${literal(facts, '  ')}`;
      const start = `  ${keyOf(part.activity)}: step(${handlerName(part.type.name)}, `;
      const config = literal(part.config, '  ', start.length + more.length);
      return `${start}${config}${more}),\n`;
    }),
  );
  return [
    '// The steps of the workflow: the handler of each, and its config with templates, which an attempt resolves.\n\n',
    `import {\n${imports.map((name) => `  ${name},\n`).join('')}} from '../stepbase/activities.js';\n\n`,
    `export const steps: Steps = {\n${entries.join('')}};\n`,
  ].join('');
}

const byName = (one: string, other: string): number => {
  const [left, right] = [one, other].map((name) => name.replace('type ', ''));
  return (left ?? '') < (right ?? '') ? -1 : 1;
};

function factsOf({ outgoing }: GraphNode, { type, timeoutMs }: Part): Record<string, unknown> {
  return {
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(type.handles === 'any' ? { handles: outgoing.map(({ handle }) => handle ?? null) } : {}),
  };
}
