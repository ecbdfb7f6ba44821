// Which steps of a definition the typed methods express, and what later steps can read of them.

import { isObject } from '../json.ts';
import { OUTPUT_PROPERTIES, RETRY_SCHEMA, STEP_SCHEMAS } from '../step-schemas.ts';
import { STEP_TYPES } from '../step-types.ts';
import { matches } from './configs.ts';
import { addPath, newShape, pathsOf, type Shape, shapeOfSchema, textsOf } from './shapes.ts';
import { isTemplate } from './texts.ts';

type Json = Readonly<Record<string, unknown>>;

/** A step that a method of `w` expresses. */
export interface TypedStep {
  readonly id: string;
  readonly type: string;
  readonly config: Json;
  readonly data: Json;
  /** Keys of the node besides id, type and data. */
  readonly canvas: Json;
}

const FACTS: Readonly<Record<string, { inForEach: boolean; inCompensation: boolean }>> = STEP_TYPES;

const DATA_SCHEMAS: Readonly<Record<string, unknown>> = {
  label: { type: 'string' },
  retry: RETRY_SCHEMA,
  timeout_ms: { type: 'number' },
  on_error: { enum: ['fail', 'continue'] },
  join: { enum: ['all', 'any'] },
};
const COMPENSATION_KEYS = ['type', 'config', 'retry', 'timeout_ms', 'on_error'];
const POSITION = {
  type: 'object',
  required: ['x', 'y'],
  properties: { x: { type: 'number' }, y: { type: 'number' } },
  additionalProperties: false,
};

/** undefined: only w.node expresses it. */
export function typedStep(node: Json): TypedStep | undefined {
  const { id, type, data, ...canvas } = node;
  if (typeof id !== 'string' || typeof type !== 'string' || !isObject(data)) return undefined;
  const { config } = data;
  const isTyped =
    isObject(config) &&
    (type === 'for_each' ? isForEach(config) : isConfig(type, config)) &&
    Object.entries(data).every(([key, value]) => isData(key, value)) &&
    (canvas.position === undefined || matchesExactly(POSITION, canvas.position));
  return isTyped ? { id, type, config, data, canvas } : undefined;
}

const isConfig = (type: unknown, config: unknown): boolean =>
  typeof type === 'string' &&
  Object.hasOwn(STEP_SCHEMAS, type) &&
  isObject(config) &&
  matches(STEP_SCHEMAS[type], config);

/** Templates stand in configs only. */
const matchesExactly = (schema: unknown, value: unknown): boolean =>
  ![...textsOf(value)].some(isTemplate) && matches(schema, value);

function isData(key: string, value: unknown): boolean {
  if (key === 'config' || key.startsWith('x-')) return true;
  if (key === 'compensate') return isCompensation(value);
  if (!Object.hasOwn(DATA_SCHEMAS, key)) return false;
  const schema = DATA_SCHEMAS[key];
  return key === 'label' ? typeof value === 'string' : matchesExactly(schema, value);
}

function isCompensation(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { type, config, ...options } = value;
  return (
    Object.keys(value).every((key) => COMPENSATION_KEYS.includes(key)) &&
    FACTS[String(type)]?.inCompensation === true &&
    isConfig(type, config) &&
    Object.entries(options).every(([key, option]) => isData(key, option))
  );
}

function isForEach(config: Json): boolean {
  const { step, items } = config;
  return (
    isConfig('for_each', config) &&
    !hasInheritedName(items) &&
    isObject(step) &&
    Object.keys(step).every((key) => key === 'type' || key === 'config') &&
    FACTS[String(step.type)]?.inForEach === true &&
    isConfig(step.type, step.config)
  );
}

/** TypeScript infers the type of items, and mistakes such a key for the inherited member. */
function hasInheritedName(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(
    ([key, part]) => (!Array.isArray(value) && key in Object.prototype) || hasInheritedName(part),
  );
}

/** The schema that a config key holds as JSON Schema, if it is written out. */
export function literalSchema({
  type,
  config,
}: Pick<TypedStep, 'type' | 'config'>): Json | undefined {
  const schema =
    type === 'user_task' ? config.form : type === 'llm_call' ? config.response_schema : undefined;
  return isObject(schema) && ![...textsOf(schema)].some(isTemplate) ? schema : undefined;
}

/** The texts of a config that are evaluated: templates and bare expressions, but not code. */
export function expressionsOf(type: string, config: Json): unknown[] {
  if (type === 'transform' || type === 'condition') return [config.expression];
  if (type === 'inline_code') return [];
  const { step, ...own } = config;
  const inner =
    type === 'for_each' && isObject(step) && isObject(step.config)
      ? expressionsOf(String(step.type), step.config)
      : [];
  const texts = [...textsOf(type === 'for_each' ? own : config)];
  return [...texts.filter(isTemplate), ...inner];
}

/** The texts of a step and of its compensation that are evaluated. */
export function evaluatedTexts({ type, config, data: { compensate } }: TypedStep): unknown[] {
  const own = expressionsOf(type, config);
  if (!isObject(compensate) || !isObject(compensate.config)) return own;
  return [...own, ...expressionsOf(String(compensate.type), compensate.config)];
}

/** What the code can read of the output of each step, and which part of it the code has to declare. */
export interface Output {
  readonly shape: Shape;
  readonly declared: Shape | undefined;
}

export function outputsOf(steps: readonly TypedStep[]): ReadonlyMap<string, Output> {
  const read = new Map(steps.map(({ id }) => [id, newShape()]));
  for (const { root, names } of pathsOf(steps.map(evaluatedTexts))) {
    const [id = '', output, ...rest] = names;
    const shape = root === 'steps' && output === 'output' ? read.get(id) : undefined;
    if (shape !== undefined && rest[0] !== 'error') addPath(shape, rest);
  }
  return new Map(steps.map((step) => [step.id, outputOf(step, read.get(step.id) ?? newShape())]));
}

function outputOf(step: TypedStep, read: Shape): Output {
  const { type } = step;
  const fixed = OUTPUT_PROPERTIES[type];
  const schema = literalSchema(step);
  const shape = newShape();
  if (fixed !== undefined) {
    for (const name of fixed) shape.members.set(name, newShape());
    if (type === 'http_request' || type === 'webhook') {
      const declared = read.members.get('body') ?? newShape();
      shape.members.set('body', declared);
      return { shape, declared };
    }
    if (schema !== undefined) shape.members.set('object', shapeOfSchema(schema));
    return { shape, declared: undefined };
  }
  if (schema !== undefined) return { shape: shapeOfSchema(schema), declared: undefined };
  return type === 'condition' || type === 'for_each'
    ? { shape, declared: undefined }
    : { shape: read, declared: read };
}
