// One list of the problems that SQL reports and the faults that the checker finds.

import type { Fault } from './fault.ts';
import { readGraph } from './graph.ts';

/** A problem as the database reports it. */
export interface SqlProblem {
  node?: string | null;
  node_id?: string | null;
  pointer?: string | null;
  code: string;
  message: string;
  hint?: string | null;
}

/** SQL's problems first. A fault that both report is listed once, with the pointer of the checker, which is exact. */
export function mergeFaults(
  definition: unknown,
  problems: readonly SqlProblem[],
  faults: readonly Fault[],
): Fault[] {
  const { nodes } = readGraph(definition);
  const known = new Map(faults.map((fault) => [key(fault.node, fault.code, fault.message), fault]));
  const own = problems.flatMap(({ node, node_id, pointer, code, message, hint }): Fault[] => {
    const id = node ?? node_id ?? null;
    if (known.has(key(id, code, message))) return [];
    return [
      {
        node: id,
        pointer: pointer ?? (id === null ? '' : (nodes.get(id)?.pointer ?? '')),
        code,
        message,
        ...(hint ? { hint } : {}),
        severity: 'error',
      },
    ];
  });
  return [...own, ...faults];
}

/** The two put different words before the same statement: the place of the config. */
function key(node: string | null, code: string, message: string): string {
  return code === 'secret_not_allowed'
    ? JSON.stringify([node, code])
    : JSON.stringify([node, code, message]);
}
