// The faults of definitions, as lines.

import { isObject } from '../../../sdk/src/workflow/json.ts';
import type { Output } from '../output.ts';
import type { Described } from './content.ts';
import type { Fault } from './stored.ts';

export const errorsOf = (faults: readonly Fault[]): Fault[] =>
  faults.filter(({ severity }) => severity === 'error');

export function faultLines(out: Output, workflow: string, faults: readonly Fault[]): string[] {
  return faults.flatMap(({ node, pointer, code, message, hint, severity }) => {
    const place = node === null ? pointer : `${node} ${pointer}`;
    const mark = out.style(severity === 'error' ? 'red' : 'yellow', `${severity}:`);
    const lines = [`${workflow}  ${place}`.trimEnd(), `  ${mark} ${message} (${code})`];
    return hint === undefined ? lines : [...lines, `  ${hint}`];
  });
}

/** Names that the folder has, and that a push creates before they are needed. */
export interface FolderNames {
  workflows: ReadonlySet<string>;
  components: ReadonlySet<string>;
}

/** Without the faults that the rest of the folder mends: a component, or a tool of an agent, that is not pushed yet. */
export function withoutPending(
  faults: readonly Fault[],
  { definition }: Described,
  { workflows, components }: FolderNames,
): Fault[] {
  return faults.filter(({ code, pointer }) => {
    const name = valueAt(definition, pointer);
    if (typeof name !== 'string') return true;
    if (code !== 'unknown_component' && code !== 'unknown_tool') return true;
    return !(pointer.endsWith('/workflow') ? workflows : components).has(name);
  });
}

/** The value at a JSON pointer. */
function valueAt(value: unknown, pointer: string): unknown {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>((at, part) => {
      if (Array.isArray(at)) return at[Number(part)];
      return isObject(at) ? at[part] : undefined;
    }, value);
}
