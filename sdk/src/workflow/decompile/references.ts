// The references that code can use at a place: to the input, to earlier steps, to an item, to the output that is reversed.

import { propertyAccess, stringLiteral } from './print.ts';
import { type Program, variableOf } from './program.ts';
import { addPath, knownNames, newShape, type Path, type Shape } from './shapes.ts';
import type { Reference, Scope } from './texts.ts';

/** Names that mean something in a part of a step only. */
export interface Locals {
  /** The step whose compensation it is. */
  readonly compensated?: string;
  /** What the items of a for_each have. */
  readonly item?: Shape;
  /** The names that the part uses. */
  readonly used: Set<string>;
}

const shapeWith = (...names: string[]): Shape => {
  const shape = newShape();
  for (const name of names) addPath(shape, [name]);
  return shape;
};

const RUN = shapeWith('id', 'app_code', 'workflow', 'version', 'trace_id');
const ERROR = shapeWith('code', 'message', 'details');

export function scopeOf(program: Program, locals: Locals = { used: new Set() }): Scope {
  return {
    resolve: (path) => resolve(program, path, locals),
    use: (name) => program.imports.add(name),
  };
}

function resolve(program: Program, path: Path, locals: Locals): Reference | undefined {
  const { root, names, ends } = path;
  const use = () => {};
  switch (root) {
    case 'input':
      return part(path, { code: 'w.input', shape: program.input, use });
    case 'run':
      return part(path, { code: 'w.run', shape: RUN, use });
    case 'secrets': {
      const [name] = names;
      return name === undefined
        ? undefined
        : { code: `w.secret(${stringLiteral(name)})`, length: ends[0] ?? 0, use };
    }
    case 'steps':
      return resolveStep(program, path, locals);
    default: {
      const shape = root === 'item' ? locals.item : locals.item && newShape();
      if (shape === undefined) return undefined;
      return part(path, { code: root, shape, use: () => locals.used.add(root) });
    }
  }
}

function resolveStep(program: Program, path: Path, locals: Locals): Reference | undefined {
  const [id = '', output, first] = path.names;
  const shape = program.outputs.get(id)?.shape;
  if (shape === undefined || output !== 'output') return undefined;
  const isError = first === 'error';
  if (id === locals.compensated && !isError) {
    return part(path, { code: 'output', shape, skipped: 2, use: () => locals.used.add('output') });
  }
  if (!program.declared.has(id)) return undefined;
  const name = program.variables.get(id) ?? '';
  const use = () => variableOf(program, id);
  return isError
    ? part(path, { code: `${name}.error`, shape: ERROR, skipped: 3, use })
    : part(path, { code: `${name}.output`, shape, skipped: 2, use });
}

interface Beginning {
  readonly code: string;
  /** What the value has. */
  readonly shape: Shape;
  /** How many names of the path are in `code` already. */
  readonly skipped?: number;
  use(): void;
}

/** The reference to the part of a path that types know. */
function part(
  { root, names, ends }: Path,
  { code, shape, skipped = 0, use }: Beginning,
): Reference | undefined {
  const rest = names.slice(skipped);
  const known = knownNames(shape, rest);
  if (known === 0 && rest.length > 0) return undefined;
  const count = skipped + known;
  return {
    code: code + rest.slice(0, known).map(propertyAccess).join(''),
    length: count === 0 ? root.length : (ends[count - 1] ?? 0),
    use,
  };
}
