// Finds what an expression reads, from JSONata's syntax tree, before the expression runs. The result is never too
// small: if the text does not show what is read, everything counts as read.

export interface References {
  /** Step ids whose output is read; 'all' when the expression may read any. */
  reads: readonly string[] | 'all';
  usesContext: boolean;
  /** Names after `secrets.`. */
  secrets: readonly string[];
  /** `secrets` is used in another form than secrets.<name>. */
  opaqueSecrets: boolean;
  usesRegex: boolean;
}

export class ReferenceSet {
  readonly steps = new Set<string>();
  readonly secrets = new Set<string>();
  allSteps = false;
  context = false;
  opaqueSecrets = false;
  regex = false;

  everything(): void {
    this.allSteps = true;
    this.context = true;
  }

  add(other: References): void {
    if (other.reads === 'all') this.allSteps = true;
    else for (const id of other.reads) this.steps.add(id);
    for (const name of other.secrets) this.secrets.add(name);
    this.context ||= other.usesContext;
    this.opaqueSecrets ||= other.opaqueSecrets;
    this.regex ||= other.usesRegex;
  }

  done(): References {
    return {
      reads: this.allSteps ? 'all' : [...this.steps].sort(),
      usesContext: this.context,
      secrets: [...this.secrets].sort(),
      opaqueSecrets: this.opaqueSecrets,
      usesRegex: this.regex,
    };
  }
}

interface Node {
  type?: unknown;
  value?: unknown;
  steps?: unknown;
  arguments?: unknown;
  procedure?: unknown;
  stages?: unknown;
  predicate?: unknown;
  [key: string]: unknown;
}

/** Built-ins that use the value in focus when their last argument is missing: name → number of arguments without it. */
const focusTakers: Readonly<Record<string, number>> = { lookup: 1, each: 1, sift: 1 };
const focusFree = new Set(['now', 'millis', 'random']);

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null;
}

export function analyse(ast: unknown): References {
  const found = new ReferenceSet();
  walk(ast, found, true);
  return found.done();
}

/** `root`: the value in focus may still be the whole scope. */
function walk(value: unknown, found: ReferenceSet, root: boolean): void {
  if (Array.isArray(value)) {
    for (const item of value) walk(item, found, root);
    return;
  }
  if (!isNode(value)) return;
  switch (value.type) {
    case 'path':
      walkPath(value, found, root);
      return;
    case 'regex':
      found.regex = true;
      return;
    case 'parent':
      found.everything();
      break;
    case 'wildcard':
    case 'descendant':
      if (root) found.everything();
      break;
    case 'variable':
      if (value.value === '$' || (value.value === '' && root)) found.everything();
      break;
    case 'function':
    case 'partial':
      walkCall(value, found, root);
      break;
    default:
      break;
  }
  walkChildren(value, found, root);
}

/** Parts that are evaluated with an item of the value before them in focus: filters, groups, orders, transformations. */
const ofItems = new Set(['stages', 'predicate', 'group', 'terms', 'pattern', 'update', 'delete']);

function walkChildren(node: Node, found: ReferenceSet, root: boolean): void {
  for (const [key, child] of Object.entries(node)) {
    if (key === 'value' || key === 'ancestor' || key === 'seekingParent' || key === 'slot')
      continue;
    walk(child, found, root && !ofItems.has(key));
  }
}

function walkCall(node: Node, found: ReferenceSet, root: boolean): void {
  const procedure = isNode(node.procedure) ? node.procedure : undefined;
  const name = procedure?.type === 'variable' ? procedure.value : undefined;
  if (typeof name !== 'string') return;
  const given = Array.isArray(node.arguments) ? node.arguments.length : 0;
  if (name === 'eval') {
    found.everything();
    found.regex = true;
  } else if (root && ((given === 0 && !focusFree.has(name)) || focusTakers[name] === given)) {
    found.everything();
  }
}

/** The name that a step of a path selects, if it is literal. */
function literalName(step: unknown): string | undefined {
  if (!isNode(step)) return undefined;
  return (step.type === 'name' || step.type === 'string') && typeof step.value === 'string'
    ? step.value
    : undefined;
}

function walkPath(path: Node, found: ReferenceSet, root: boolean): void {
  const steps: unknown[] = Array.isArray(path.steps) ? path.steps : [];
  let focusIsScope = root;
  for (let at = 0; at < steps.length; at += 1) {
    const step = steps[at];
    if (!isNode(step)) continue;
    const previous = at === 0 ? undefined : steps[at - 1];
    const isScope = step.type === 'variable' && (step.value === '$' || step.value === '');
    if (isScope && (step.value === '$' || focusIsScope)) {
      // `$$.steps.a` reads a; `$$` on its own may read anything.
      if (literalName(steps[at + 1]) === undefined) found.everything();
      walkChildren(step, found, focusIsScope);
      focusIsScope = true;
      continue;
    }
    // A property of a named value cannot be a property of the scope.
    if (literalName(previous) === undefined) noteName(step, steps[at + 1], found);
    walk(step, found, focusIsScope);
    if (step.type === 'name') focusIsScope = false;
  }
  for (const [key, child] of Object.entries(path)) {
    if (key !== 'steps' && key !== 'type' && key !== 'seekingParent') {
      walk(child, found, root && !ofItems.has(key));
    }
  }
}

function noteName(step: Node, next: unknown, found: ReferenceSet): void {
  const name = literalName(step);
  if (name === undefined) return;
  if (name === 'context') found.context = true;
  const filtered = step.stages !== undefined || step.predicate !== undefined;
  const member = filtered ? undefined : literalName(next);
  if (name === 'steps') {
    if (member === undefined) found.allSteps = true;
    else found.steps.add(member);
  } else if (name === 'secrets') {
    if (member === undefined) found.opaqueSecrets = true;
    else found.secrets.add(member);
  }
}

/** The names of a path that consists of names only, which can be evaluated without JSONata. */
export function plainPath(ast: unknown): readonly string[] | undefined {
  if (!isNode(ast) || ast.type !== 'path' || !Array.isArray(ast.steps)) return undefined;
  const extra = Object.keys(ast).some((key) => key !== 'type' && key !== 'steps');
  if (extra) return undefined;
  const names: string[] = [];
  for (const step of ast.steps as unknown[]) {
    if (!isNode(step) || step.type !== 'name' || typeof step.value !== 'string') return undefined;
    if (Object.keys(step).some((key) => key !== 'type' && key !== 'value' && key !== 'position')) {
      return undefined;
    }
    names.push(step.value);
  }
  return names;
}
