// The order in which workflows are saved: a child before the parents that start it, because publishing checks references.
import type { LocalWorkflow } from './local.ts';

function childrenOf({ definition }: LocalWorkflow): string[] {
  return definition.nodes.flatMap(({ type, data }) => {
    if (type !== 'child_workflow') return [];
    const { config } = (data ?? {}) as { config?: { workflow?: unknown } };
    return typeof config?.workflow === 'string' ? [config.workflow] : [];
  });
}

export function childrenFirst(workflows: readonly LocalWorkflow[]): LocalWorkflow[] {
  const byName = new Map(workflows.map((one) => [one.kebab_name, one]));
  const ordered = new Set<LocalWorkflow>();
  const visited = new Set<LocalWorkflow>();
  const visit = (one: LocalWorkflow): void => {
    // Workflows can start each other.
    if (visited.has(one)) return;
    visited.add(one);
    for (const name of childrenOf(one)) {
      const child = byName.get(name);
      if (child !== undefined) visit(child);
    }
    ordered.add(one);
  };
  for (const one of workflows) visit(one);
  return [...ordered];
}
