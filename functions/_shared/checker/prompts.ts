// Prompts that a step names although they are deprecated. SQL finds prompts that do not exist.

import type { CheckContext } from './context.ts';
import { type Fault, pointerTo } from './fault.ts';
import type { Part } from './graph.ts';
import { textOf } from './json.ts';

export function promptFaults(
  part: Part,
  node: string,
  { deprecatedPrompts = [] }: CheckContext,
): Fault[] {
  return ['prompt_name', 'system_prompt_name'].flatMap((key): Fault[] => {
    const reference = textOf(part.config[key]);
    if (reference === undefined || !deprecatedPrompts.includes(reference)) return [];
    return [
      {
        node,
        pointer: pointerTo(part.pointer, key),
        code: 'deprecated_prompt',
        message: `the prompt ${reference} is deprecated`,
        severity: 'warning',
      },
    ];
  });
}
