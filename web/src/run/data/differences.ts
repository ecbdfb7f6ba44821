// The differences of two JSON values as a flat list of places with the value before and after. jsondiffpatch finds them;
// it is loaded with the parts of the page that compare.
import { create, type Delta } from 'jsondiffpatch';

export interface Difference {
  /** A path, such as `order.lines[2].price`; empty: the whole value. */
  path: string;
  kind: 'added' | 'removed' | 'changed' | 'moved';
  before?: unknown;
  after?: unknown;
}

const differ = create({
  // Elements of lists are the same if they are equal, or have the same id.
  objectHash: (item: object, index?: number) =>
    'id' in item ? JSON.stringify(item.id) : `${index}`,
  arrays: { detectMove: true, includeValueOnMove: true },
});

const join = (path: string, key: string) =>
  /^[A-Za-z_$][\w$]*$/.test(key)
    ? path === ''
      ? key
      : `${path}.${key}`
    : `${path}[${JSON.stringify(key)}]`;

type ArrayDelta = Record<string, Delta> & { _t: 'a' };

const isOfArray = (delta: object): delta is ArrayDelta => '_t' in delta && delta._t === 'a';

function flat(delta: Delta, path: string, found: Difference[]): void {
  if (delta === undefined) return;
  if (Array.isArray(delta)) {
    found.push(one(delta as unknown[], path));
    return;
  }
  if (isOfArray(delta)) {
    for (const [key, inner] of Object.entries(delta)) {
      // `_2`: the element that was at 2 was removed or moved.
      if (key !== '_t') flat(inner as Delta, `${path}[${key.replace('_', '')}]`, found);
    }
    return;
  }
  for (const [key, inner] of Object.entries(delta as Record<string, Delta>)) {
    flat(inner, join(path, key), found);
  }
}

function one(delta: unknown[], path: string): Difference {
  if (delta.length === 1) return { path, kind: 'added', after: delta[0] };
  if (delta.length === 2) return { path, kind: 'changed', before: delta[0], after: delta[1] };
  return delta[2] === 0
    ? { path, kind: 'removed', before: delta[0] }
    : { path, kind: 'moved', before: delta[0], after: `to [${String(delta[1])}]` };
}

export function differences(before: unknown, after: unknown): Difference[] {
  const found: Difference[] = [];
  flat(differ.diff(before, after), '', found);
  return found;
}
