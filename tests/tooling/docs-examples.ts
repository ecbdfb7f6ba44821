// The examples of docs/workflows.md: each JSON block there is a definition, or one node of a definition.

import { readFileSync } from 'node:fs';
import type { Node } from '../engine/support.ts';

export const page = readFileSync(new URL('../../docs/workflows.md', import.meta.url), 'utf8');

interface Edge {
  id: string;
  source: string;
  target: string;
  sourceHandle?: string;
}

export interface Example {
  /** The heading it stands under, and its first node. */
  name: string;
  definition: { nodes: Node[]; edges: Edge[] };
}

function exampleOf(heading: string, text: string): Example[] {
  const block = JSON.parse(text) as Partial<Example['definition'] & Node>;
  const named = (definition: Example['definition']) => [
    { name: `${heading}: ${definition.nodes[0]?.id}`, definition },
  ];
  if (block.nodes) return named({ nodes: block.nodes, edges: block.edges ?? [] });
  return block.type && block.data ? named({ nodes: [block as Node], edges: [] }) : [];
}

export const examples: readonly Example[] = page.split(/^#+ /m).flatMap((section) => {
  const [heading = ''] = section.split('\n', 1);
  return [...section.matchAll(/^```json\n([\s\S]*?)^```$/gm)].flatMap(([, text = '']) =>
    exampleOf(heading, text),
  );
});
