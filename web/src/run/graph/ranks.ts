// The column of each unit of a graph: the longest path from a start. Without a library, so that the page knows how much
// room the graph needs before the code that draws it is there.

interface Graph {
  units: readonly { id: string }[];
  edges: readonly { source: string; target: string }[];
}

/** The longest path from a start to each unit. Units of a cycle, which folding can make, come last. */
export function ranks({ units, edges }: Graph): Map<string, number> {
  const waiting = new Map(units.map(({ id }) => [id, 0]));
  const next = Map.groupBy(edges, ({ source }) => source);
  for (const { target } of edges) waiting.set(target, (waiting.get(target) ?? 0) + 1);
  const rank = new Map(units.map(({ id }) => [id, 0]));
  const ready = units.filter(({ id }) => waiting.get(id) === 0).map(({ id }) => id);
  for (let at = 0; at < ready.length; at += 1) {
    const id = ready[at] as string;
    for (const { target } of next.get(id) ?? []) {
      rank.set(target, Math.max(rank.get(target) ?? 0, (rank.get(id) ?? 0) + 1));
      const left = (waiting.get(target) ?? 0) - 1;
      waiting.set(target, left);
      if (left === 0) ready.push(target);
    }
  }
  return rank;
}
