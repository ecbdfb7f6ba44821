// Inline code: its syntax tree, and the properties of the scope that it reads for certain. A name that the code declares
// again or assigns is not followed.

import { type AnyNode, parse } from 'acorn';
import { asExpression } from '../expressions/code-syntax.ts';
import type { ScopePath } from '../expressions/scope-paths.ts';

/** undefined: the sandbox accepts syntax that this parser does not know. */
export function parseCode(code: string): AnyNode | undefined {
  try {
    return parse(asExpression(code), { ecmaVersion: 'latest', sourceType: 'script' });
  } catch {
    return undefined;
  }
}

/** Inherited by every object, so reading one of them is no mistake. */
const inherited = new Set(Object.getOwnPropertyNames(Object.prototype));

export function codePaths(ast: AnyNode): ScopePath[] {
  const fn = functionOf(ast);
  const parameter = fn?.params[0];
  if (fn === undefined || parameter === undefined) return [];
  const roots = rootsOf(parameter);
  for (const name of rebound(fn)) roots.delete(name);
  const found: ScopePath[] = [];
  visit(fn.body, roots, found);
  return found;
}

type FunctionNode = Extract<AnyNode, { type: 'ArrowFunctionExpression' | 'FunctionExpression' }>;

function functionOf(ast: AnyNode): FunctionNode | undefined {
  if (ast.type !== 'Program') return undefined;
  const [statement] = ast.body;
  const expression = statement?.type === 'ExpressionStatement' ? statement.expression : undefined;
  return expression?.type === 'ArrowFunctionExpression' || expression?.type === 'FunctionExpression'
    ? expression
    : undefined;
}

/** The names that the parameter binds, with what they are in the scope: ({ input, steps: s }) binds input and s. */
function rootsOf(parameter: AnyNode): Map<string, readonly string[]> {
  if (parameter.type === 'Identifier') return new Map([[parameter.name, []]]);
  const roots = new Map<string, readonly string[]>();
  if (parameter.type !== 'ObjectPattern') return roots;
  for (const property of parameter.properties) {
    if (property.type !== 'Property' || property.computed) continue;
    const { key, value } = property;
    const name = key.type === 'Identifier' ? key.name : undefined;
    if (name !== undefined && value.type === 'Identifier') roots.set(value.name, [name]);
  }
  return roots;
}

/** The names that the function declares again inside, or assigns. */
function rebound(fn: FunctionNode): Set<string> {
  const names = new Set<string>();
  const walk = (node: AnyNode): void => {
    if (node.type === 'VariableDeclarator') bind(node.id, names);
    else if (node.type === 'CatchClause' && node.param) bind(node.param, names);
    else if (node.type === 'AssignmentExpression') bind(node.left, names);
    else if (node.type === 'UpdateExpression') bind(node.argument, names);
    else if (node.type === 'UnaryExpression' && node.operator === 'delete')
      bind(node.argument, names);
    else if (node.type === 'ForInStatement' || node.type === 'ForOfStatement')
      bind(node.left, names);
    else if ('params' in node && node !== fn) {
      for (const parameter of node.params) bind(parameter, names);
    }
    if ((node.type === 'FunctionDeclaration' || node.type === 'ClassDeclaration') && node.id) {
      bind(node.id, names);
    }
    for (const child of childrenOf(node)) walk(child);
  };
  walk(fn);
  return names;
}

/** An assignment to a property changes the value, so the name is not followed either. */
function bind(node: AnyNode, names: Set<string>): void {
  if (node.type === 'Identifier') names.add(node.name);
  else if (node.type === 'MemberExpression') bind(node.object, names);
  else if (node.type === 'ChainExpression') bind(node.expression, names);
  else if (node.type !== 'VariableDeclaration') {
    for (const child of childrenOf(node)) bind(child, names);
  }
}

function visit(node: AnyNode, roots: ReadonlyMap<string, readonly string[]>, found: ScopePath[]) {
  if (node.type === 'MemberExpression') {
    const path = pathOf(node, roots);
    if (path !== undefined) {
      found.push(path);
      return;
    }
  }
  for (const child of childrenOf(node)) visit(child, roots, found);
}

/** `input.a?.['b']`; it ends before a computed or an inherited name. */
function pathOf(
  node: Extract<AnyNode, { type: 'MemberExpression' }>,
  roots: ReadonlyMap<string, readonly string[]>,
): ScopePath | undefined {
  const members: { name: string; end: number }[] = [];
  let at: AnyNode = node;
  for (;;) {
    if (at.type === 'ChainExpression' || at.type === 'ParenthesizedExpression') at = at.expression;
    else if (at.type === 'MemberExpression') {
      const name = memberName(at);
      // What stands behind a computed name belongs to another value; the beginning is visited on its own.
      if (name === undefined) return undefined;
      members.unshift({ name, end: at.end });
      at = at.object;
    } else break;
  }
  const root = at.type === 'Identifier' ? roots.get(at.name) : undefined;
  if (root === undefined) return undefined;
  const end = members.findIndex(({ name }) => inherited.has(name));
  const known = end === -1 ? members : members.slice(0, end);
  const names = [...root, ...known.map(({ name }) => name)];
  // The parenthesis before the code is not part of it.
  const last = known.at(-1);
  return names.length === 0
    ? undefined
    : { names, position: last === undefined ? undefined : last.end - 1 };
}

function memberName(node: Extract<AnyNode, { type: 'MemberExpression' }>): string | undefined {
  const { property, computed } = node;
  if (!computed) return property.type === 'Identifier' ? property.name : undefined;
  return property.type === 'Literal' && typeof property.value === 'string'
    ? property.value
    : undefined;
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value;
}

function childrenOf(node: AnyNode): AnyNode[] {
  return Object.values(node).flatMap((value: unknown) =>
    Array.isArray(value) ? value.filter(isNode) : isNode(value) ? [value] : [],
  );
}
