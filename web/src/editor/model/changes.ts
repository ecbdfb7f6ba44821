// What differs between two drafts, in words that a list of changes shows.
import { type Draft, isEqual, isObject, labelOf } from './definition.ts';

export interface Change {
  kind: 'added' | 'removed' | 'changed' | 'moved';
  /** The name of the step or the ends of the edge. */
  what: string;
  /** The keys that differ: `config.url`. */
  keys: string[];
}

function keysThatDiffer(a: unknown, b: unknown, place: string): string[] {
  if (isEqual(a, b)) return [];
  if (!isObject(a) || !isObject(b)) return [place];
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].flatMap((key) =>
    keysThatDiffer(a[key], b[key], place === '' ? key : `${place}.${key}`),
  );
}

export function changesOf(before: Draft, after: Draft): Change[] {
  const changes: Change[] = [];
  const old = new Map(before.definition.nodes.map((node) => [node.id, node]));
  const present = new Map(after.definition.nodes.map((node) => [node.id, node]));
  for (const node of after.definition.nodes) {
    const known = old.get(node.id);
    if (known === undefined) {
      changes.push({ kind: 'added', what: labelOf(node), keys: [] });
      continue;
    }
    const keys = [
      ...(known.type === node.type ? [] : ['type']),
      ...keysThatDiffer(known.data ?? {}, node.data ?? {}, ''),
    ];
    // The editor places a step that had no position.
    const isPlaced = known.position === undefined;
    const placed = isPlaced ? { ...known, position: node.position } : known;
    if (keys.length > 0) changes.push({ kind: 'changed', what: labelOf(node), keys });
    else if (!isEqual(placed, node)) changes.push({ kind: 'moved', what: labelOf(node), keys: [] });
  }
  for (const node of before.definition.nodes) {
    if (!present.has(node.id)) changes.push({ kind: 'removed', what: labelOf(node), keys: [] });
  }
  const nameOf = ({ source, target, sourceHandle }: Draft['definition']['edges'][number]) =>
    `${source} → ${target}${sourceHandle ? ` (${sourceHandle})` : ''}`;
  const [from, to] = [before, after].map(
    ({ definition }) => new Set(definition.edges.map(nameOf)),
  ) as [Set<string>, Set<string>];
  for (const what of to) if (!from.has(what)) changes.push({ kind: 'added', what, keys: [] });
  for (const what of from) if (!to.has(what)) changes.push({ kind: 'removed', what, keys: [] });
  const schemas = [
    ['Input schema', before.inputSchema, after.inputSchema],
    ['Output schema', before.outputSchema, after.outputSchema],
  ] as const;
  for (const [what, old, present] of schemas) {
    const keys = keysThatDiffer(old ?? {}, present ?? {}, '');
    if (keys.length > 0) changes.push({ kind: 'changed', what, keys });
  }
  return changes;
}
