// The part of an OpenAPI document that one of its places needs. Swagger UI reads the whole document again for each
// operation that a person opens, which takes seconds for a document of this size; it gets this part instead.

type Node = Readonly<Record<string, unknown>>;

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null;

const partOf = (value: unknown, key: string): unknown => (isNode(value) ? value[key] : undefined);

/** `#/components/schemas/Run` without an escaped character: the path of what it refers to. */
const LOCAL = /^#\/([^~%]+)$/;

function referencesIn(value: unknown, found: Set<string>): void {
  if (!isNode(value)) return;
  for (const [key, each] of Object.entries(value)) {
    if (key === '$ref' && typeof each === 'string') found.add(each);
    else referencesIn(each, found);
  }
}

/** A copy of `target` that has `value` at the path. */
function withPart(target: Node, [key = '', ...rest]: readonly string[], value: unknown): Node {
  if (rest.length === 0) return { ...target, [key]: value };
  const inner = target[key];
  return { ...target, [key]: withPart(isNode(inner) ? inner : {}, rest, value) };
}

/**
 * The document with only the place at `path` and what it refers to, also indirectly. A reference that is not a plain one
 * inside the document returns the whole document.
 */
export function neededFor(document: Node, path: readonly string[]): Node {
  const { paths: _paths, components: _components, webhooks: _webhooks, ...head } = document;
  let needed: Node = { ...head, paths: {} };
  const waiting = [path];
  const known = new Set<string>();
  for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
    const value = place.reduce<unknown>(partOf, document);
    if (value === undefined) continue;
    needed = withPart(needed, place, value);
    const found = new Set<string>();
    referencesIn(value, found);
    for (const reference of found) {
      if (known.has(reference)) continue;
      known.add(reference);
      const [, inside] = LOCAL.exec(reference) ?? [];
      if (inside === undefined) return document;
      waiting.push(inside.split('/'));
    }
  }
  return needed;
}
