// The workflow examples of the documentation: each JSON block that is a definition, or one node of a definition.

import type { Node } from '../engine/support.ts';
import { blocks, pages, read } from './docs-pages.ts';

interface Edge {
  id: string;
  source: string;
  target: string;
  sourceHandle?: string;
}

export interface Example {
  /** The page below docs/ and the first node. */
  name: string;
  definition: { nodes: Node[]; edges: Edge[] };
}

function exampleOf(page: string, text: string): Example[] {
  const block = JSON.parse(text) as Partial<Example['definition'] & Node>;
  const named = (definition: Example['definition']) => [
    { name: `${page}: ${definition.nodes[0]?.id}`, definition },
  ];
  if (block.nodes) return named({ nodes: block.nodes, edges: block.edges ?? [] });
  // The body of an outgoing webhook has a type and data, too.
  const isNode = block.id && block.type && block.data;
  return isNode ? named({ nodes: [block as Node], edges: [] }) : [];
}

export const examples: readonly Example[] = pages.flatMap((path) =>
  blocks(read(path), 'json').flatMap((text) => exampleOf(path.replace(/^docs\/|\.md$/g, ''), text)),
);
