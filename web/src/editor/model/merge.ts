// Merges two drafts that began as the same one: each step, edge and setting that only one side changed is taken from that
// side. What both changed in different ways is a conflict, and the own version stays.
import { type Definition, type Draft, isEqual, type JsonObject } from './definition.ts';

export interface Merged {
  draft: Draft;
  /** What both sides changed: ids of steps and edges, and other parts. */
  conflicts: string[];
}

/** undefined: the part does not exist. */
function mergePart<T>(base: T, mine: T, theirs: T): { value: T; isConflict: boolean } {
  if (isEqual(mine, theirs) || isEqual(theirs, base)) return { value: mine, isConflict: false };
  if (isEqual(mine, base)) return { value: theirs, isConflict: false };
  return { value: mine, isConflict: true };
}

function mergeLists<T extends { id: string }>(
  base: readonly T[],
  mine: readonly T[],
  theirs: readonly T[],
  conflicts: string[],
): T[] {
  const by = (list: readonly T[]) => new Map(list.map((part) => [part.id, part]));
  const [old, own, other] = [by(base), by(mine), by(theirs)];
  return [...new Set([...own.keys(), ...other.keys()])].flatMap((id) => {
    const { value, isConflict } = mergePart(old.get(id), own.get(id), other.get(id));
    if (isConflict) conflicts.push(id);
    return value === undefined ? [] : [value];
  });
}

export function mergeDrafts(base: Draft, mine: Draft, theirs: Draft): Merged {
  const conflicts: string[] = [];
  const [a, b, c] = [base.definition, mine.definition, theirs.definition];
  const nodes = mergeLists(a.nodes, b.nodes, c.nodes, conflicts);
  const ids = new Set(nodes.map(({ id }) => id));
  // A step that one side removed takes the edges of the other side with it.
  const edges = mergeLists(a.edges, b.edges, c.edges, conflicts).filter(
    ({ source, target }) => ids.has(source) && ids.has(target),
  );
  const rest = ({ nodes: _nodes, edges: _edges, ...others }: Definition): JsonObject => others;
  const others = mergePart(rest(a), rest(b), rest(c));
  const input = mergePart(base.inputSchema, mine.inputSchema, theirs.inputSchema);
  if (input.isConflict) conflicts.push('the input schema');
  const output = mergePart(base.outputSchema, mine.outputSchema, theirs.outputSchema);
  if (output.isConflict) conflicts.push('the output schema');
  const definition = { ...others.value, nodes, edges };
  return {
    draft: { definition, inputSchema: input.value, outputSchema: output.value },
    conflicts,
  };
}
