// Finds the properties of the scope that a JSONata expression reads for certain: `input.a.b` and `steps.a.output`, but not
// names in a filter or in a part that is evaluated for each item, which may be properties of another value.

export interface ScopePath {
  /** The names from the scope on: ['steps', 'a', 'output', 'total']. */
  readonly names: readonly string[];
  /** Where the last name ends in the expression. */
  readonly position: number | undefined;
}

interface Node {
  readonly type?: unknown;
  readonly value?: unknown;
  readonly steps?: unknown;
  readonly position?: unknown;
  readonly focus?: unknown;
  readonly [key: string]: unknown;
}

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null;

/** Parts of a node that are evaluated with another value in focus. */
const refocused = new Set(['stages', 'predicate', 'group', 'terms', 'update', 'delete', 'pattern']);
/** Values of the parser that are no expressions. */
const notExpressions = new Set(['value', 'position', 'ancestor', 'seekingParent', 'slot', 'type']);

/** `ast` is what jsonata(source).ast() returns. */
export function scopePaths(ast: unknown): ScopePath[] {
  const found: ScopePath[] = [];
  walk(ast, true, found);
  return found;
}

/** `root`: the value in focus is the scope. */
function walk(value: unknown, root: boolean, found: ScopePath[]): void {
  if (Array.isArray(value)) {
    for (const item of value) walk(item, root, found);
    return;
  }
  if (!isNode(value)) return;
  if (value.type === 'path' && Array.isArray(value.steps)) {
    walkPath(value, value.steps, root, found);
    return;
  }
  walkParts(value, root, found);
}

function walkParts(node: Node, root: boolean, found: ScopePath[]): void {
  for (const [key, part] of Object.entries(node)) {
    if (!notExpressions.has(key)) walk(part, root && !refocused.has(key), found);
  }
}

function walkPath(path: Node, steps: unknown[], root: boolean, found: ScopePath[]): void {
  const scopeAt = steps.findIndex(
    (step) => isNode(step) && step.type === 'variable' && step.value === '$',
  );
  const [first] = steps;
  const startsAtScope =
    root && isNode(first) && first.type === 'variable' && first.value === '' ? 1 : 0;
  if (scopeAt !== -1) collect(steps.slice(scopeAt + 1), found);
  else if (root) collect(steps.slice(startsAtScope), found);
  for (const [at, step] of steps.entries()) {
    if (isNode(step)) walkParts(step, root && at === 0, found);
  }
  walk(path.group, false, found);
}

/** The leading names of a path. A filter or an order keeps the items as they are. */
function collect(steps: readonly unknown[], found: ScopePath[]): void {
  const names: string[] = [];
  let position: number | undefined;
  for (const step of steps) {
    if (!isNode(step)) break;
    if (step.type === 'sort' && names.length > 0) continue;
    if (step.type !== 'name' || typeof step.value !== 'string') break;
    names.push(step.value);
    position = typeof step.position === 'number' ? step.position : undefined;
    // A variable is bound to the items (@$v), and the value in focus stays what it was.
    if (step.focus !== undefined) break;
  }
  if (names.length > 0) found.push({ names, position });
}
