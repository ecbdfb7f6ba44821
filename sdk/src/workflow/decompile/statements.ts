// The statements of a workflow: a call of `w` for each step, and for each edge that no step states.

import type { Origin } from '../edges.ts';
import { endsOf, hasBranches } from '../ends.ts';
import { methodName } from '../ids.ts';
import { type DefinitionNode, isObject } from '../json.ts';
import { STEP_SCHEMAS } from '../step-schemas.ts';
import { valueDoc } from './configs.ts';
import type { Connected } from './edges.ts';
import {
  call,
  type Doc,
  jsonLiteral,
  list,
  member,
  object,
  printFlat,
  stringLiteral,
} from './print.ts';
import { type Program, shapeCode, variableOf } from './program.ts';
import { type Locals, scopeOf } from './references.ts';
import { addPath, newShape, pathsOf, typeDoc } from './shapes.ts';
import { expressionsOf, literalSchema, type TypedStep } from './step.ts';
import { bareCode, literalText, valueCode } from './texts.ts';

type Json = Readonly<Record<string, unknown>>;
type Member = readonly [head: string, value: Doc];
type Part = Pick<TypedStep, 'type' | 'config'>;

const propertiesOf = (type: string): Json => (STEP_SCHEMAS[type]?.properties ?? {}) as Json;

export function stepDoc(program: Program, node: DefinitionNode): Doc {
  const step = program.typed.get(node.id);
  const after = afterDoc(program, node.id);
  if (step === undefined) {
    const options = after === undefined ? [] : [object([member('after', after)])];
    return call('w.node', [jsonLiteral(withoutPlace(program, node.id, node)), ...options]);
  }
  const value = step.type === 'condition' ? conditionType(program, node.id) : undefined;
  const config =
    step.type === 'for_each' ? forEachDoc(program, step) : configDoc(program, step, { value });
  const options = optionMembers(program, step, after);
  const rest = options.length === 0 ? [] : [object(options)];
  return call(`w.${methodName(step.type)}`, [stringLiteral(step.id), config, ...rest]);
}

export function connectionDoc(program: Program, { origin, target, more }: Connected): Doc {
  const extra = Object.keys(more).length === 0 ? [] : [jsonLiteral(more)];
  return call('w.connect', [originCode(program, origin), variableOf(program, target), ...extra]);
}

/** The end steps, from which the output of a run has its type; undefined: a draft that has none. */
export function returnDoc(program: Program): Doc | undefined {
  const { edges } = program.workflow.definition;
  const ends = endsOf(
    program.nodes.map(({ id }) => id),
    edges,
  );
  const names = ends.map((id) => variableOf(program, id));
  if (names.length === 0) return undefined;
  return names.length === 1 && !hasBranches(edges) ? names[0] : list(names);
}

export function schemaDoc({ imports }: Program, schema: object): Doc {
  imports.add('jsonSchema');
  return call('jsonSchema', [jsonLiteral(schema)]);
}

function originCode(program: Program, { source, handle }: Origin): string {
  const name = variableOf(program, source);
  return handle === undefined ? name : `${name}.on(${stringLiteral(handle)})`;
}

function afterDoc(program: Program, id: string): Doc | undefined {
  const origins = program.edges.after.get(id)?.map((origin) => originCode(program, origin));
  return origins?.length === 1 ? origins[0] : origins && list(origins);
}

/** Without the position that the layout gives it. */
function withoutPlace({ places }: Program, id: string, node: Json): Json {
  const { position, ...rest } = node;
  const place = places?.get(id);
  const isAutomatic =
    place !== undefined &&
    isObject(position) &&
    Object.keys(position).length === 2 &&
    position.x === place.x &&
    position.y === place.y;
  return isAutomatic ? rest : node;
}

function optionMembers(program: Program, step: TypedStep, after: Doc | undefined): Member[] {
  const { id, data } = step;
  const { config: _config, label, compensate, ...rest } = data;
  const declared = program.outputs.get(id)?.declared;
  const canvas = withoutPlace(program, id, step.canvas);
  const json = (values: Json): Member[] =>
    Object.entries(values).map(([key, value]) => member(key, jsonLiteral(value)));
  return [
    ...(label === undefined ? [] : json({ label })),
    ...(after === undefined ? [] : [member('after', after)]),
    ...json(rest),
    ...(isObject(compensate) ? [compensationMember(program, id, compensate)] : []),
    ...(declared?.members.size ? [member('output', shapeCode(program, declared))] : []),
    ...(Object.keys(canvas).length === 0 ? [] : json({ canvas })),
  ];
}

/** The values that choose an edge of a condition; undefined: the edges do not tell. */
function conditionType({ workflow }: Program, id: string): string | undefined {
  const handles = new Set(
    workflow.definition.edges
      .filter(({ source, sourceHandle }) => source === id && typeof sourceHandle === 'string')
      .map(({ sourceHandle }) => String(sourceHandle)),
  );
  for (const common of ['error', 'timeout', 'default']) handles.delete(common);
  const isKnown = handles.size > 0 && !handles.has('');
  if (!isKnown) return undefined;
  const isBoolean = [...handles].every((handle) => handle === 'true' || handle === 'false');
  return isBoolean ? 'boolean' : [...handles].map(stringLiteral).join(' | ');
}

interface Place {
  readonly locals?: Locals;
  /** The type of the value of an expression. */
  readonly value?: string | undefined;
}

function configDoc(
  program: Program,
  { type, config }: Part,
  { locals, value: typed }: Place = {},
): Doc {
  const scope = scopeOf(program, locals);
  const schema = literalSchema({ type, config });
  const isExpression = type === 'transform' || type === 'condition';
  return object(
    Object.entries(config).map(([key, value]) => {
      if (schema !== undefined && value === schema) return member(key, schemaDoc(program, schema));
      if (typeof value === 'string' && isExpression)
        return member(key, bareCode(value, scope, typed));
      if (typeof value === 'string' && type === 'inline_code')
        return member(key, literalText(value));
      return member(key, valueDoc(propertiesOf(type)[key], value, scope));
    }),
  );
}

function forEachDoc(program: Program, { config }: TypedStep): Doc {
  const inner = config.step as Part;
  const item = newShape();
  const isOpen = typeof config.items === 'string';
  for (const { root, names } of pathsOf(expressionsOf(inner.type, inner.config))) {
    if (root === 'item' && isOpen) addPath(item, names);
  }
  const locals: Locals = { item, used: new Set() };
  const step = call(`step.${methodName(inner.type)}`, [configDoc(program, inner, { locals })]);
  const names = ['item', 'index'].filter((name) => locals.used.has(name));
  return object(
    Object.entries(config).map(([key, value]): Member => {
      if (key === 'step') return [`step: ({ ${[...names, 'step'].join(', ')} }) => `, step];
      const scope = scopeOf(program);
      if (key !== 'items')
        return member(key, valueDoc(propertiesOf('for_each')[key], value, scope));
      // References among the items would be part of the type of an item.
      if (typeof value !== 'string') return member(key, jsonLiteral(value));
      const type = item.members.size === 0 ? undefined : printFlat(typeDoc(item, '', '[]'));
      return member(key, valueCode(value, scope, type));
    }),
  );
}

function compensationMember(program: Program, id: string, compensate: Json): Member {
  const { type, config, ...options } = compensate as Json & Part;
  const locals: Locals = { compensated: id, used: new Set() };
  const rest = Object.keys(options).length === 0 ? [] : [jsonLiteral(options)];
  const args = [configDoc(program, { type, config }, { locals }), ...rest];
  const parameter = locals.used.has('output') ? '{ output, step }' : '{ step }';
  return [`compensate: (${parameter}) => `, call(`step.${methodName(type)}`, args)];
}
