// Limits a JSONata expression so that it cannot harm the worker: depth, list length, the size of the values that it
// builds, and time (slices.ts). JSONata checks the first two, hooks the others.

import jsonata from 'jsonata';
import { ExpressionError } from './errors.ts';
import { nextSlice } from './slices.ts';

export const expressionLimits = {
  /** Nested evaluations; a recursive function uses about six for each level. */
  depth: 3_000,
  items: 200_000,
  /** Approximate bytes of one value; parts that occur several times count each time. */
  weight: 16 * 1024 * 1024,
  sourceLength: 65_536,
} as const;

/** The sizes of values that were measured before, so that only the children of a value must be visited. */
const weights = new WeakMap<object, number>();
const unknownWeight = 64;

function weigh(value: unknown, deep: boolean, depth = 0): number {
  if (typeof value === 'string') return value.length + 8;
  if (typeof value !== 'object' || value === null) return 8;
  if ('_jsonata_lambda' in value || '_jsonata_function' in value) return 8;
  const known = weights.get(value);
  if (known !== undefined) return known;
  if (depth > 0 && !deep) return unknownWeight;
  if (depth > 100) return unknownWeight;
  let weight = 16;
  const parts: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  for (const part of parts) {
    weight += weigh(part, deep, depth + 1);
    if (weight > expressionLimits.weight) break;
  }
  weights.set(value, weight);
  return weight;
}

/**
 * Values that come from the scope (names, variables) exist already and are not measured. A built-in function may
 * nest its arguments in values that no hook has measured, so its result is measured completely.
 */
function assertWeight(type: string, result: unknown): void {
  if (typeof result === 'string') {
    if (result.length <= expressionLimits.weight / 2) return;
  } else {
    if (typeof result !== 'object' || result === null) return;
    if (type === 'name' || type === 'variable' || type === 'value' || type === 'parent') return;
    const deep = type === 'function' || type === 'apply' || type === 'transform';
    if (weigh(result, deep) <= expressionLimits.weight) return;
  }
  throw new ExpressionError('expression_too_large', 'the value of the expression is too large');
}

function pad(text: string | undefined, width: number, fill?: string): string | undefined {
  if (text === undefined) return undefined;
  const size = Math.abs(Math.trunc(width));
  if (size > 1_000_000) {
    throw new ExpressionError('expression_too_large', '$pad returns at most 1000000 characters');
  }
  const missing = size - [...text].length;
  if (missing <= 0) return text;
  const unit = [...(fill || ' ')];
  const padding = Array.from({ length: missing }, (_, at) => unit[at % unit.length]).join('');
  return width > 0 ? text + padding : padding + text;
}

/** JSONata's own $distinct compares every pair: ten thousand objects would block the worker for minutes. */
function distinct(list: unknown): unknown {
  if (!Array.isArray(list) || list.length <= 1) return list;
  const seen = new Map<string, unknown>();
  for (const item of list) {
    const key = canonical(item);
    if (!seen.has(key)) seen.set(key, item);
  }
  return [...seen.values()];
}

function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_key, part: unknown) =>
      typeof part === 'object' && part !== null && !Array.isArray(part)
        ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
        : part,
    ) ?? 'undefined'
  );
}

/** A picture becomes a regular expression; many number parts without a separator would cause endless backtracking. */
function assertPicture(text: string | undefined, picture: string | undefined): void {
  if (text === undefined || picture === undefined) return;
  const isLong = picture.length > 256 || text.length > 256;
  const joints = isLong ? 0 : (picture.match(/\](?=\p{Alphabetic}*\p{Number}*\[)/gu)?.length ?? 0);
  if (isLong || (joints > 0 && text.length > 40) || joints > 6) {
    throw new ExpressionError(
      'expression_too_large',
      '$toMillis: the picture or the text is too long',
    );
  }
}

const originalToMillis = jsonata('$picture ? $toMillis($text, $picture) : $toMillis($text)');

async function toMillis(text?: string, picture?: string): Promise<unknown> {
  if (text === undefined) return undefined;
  assertPicture(text, picture);
  const result: unknown = await originalToMillis.evaluate({}, { text, picture });
  return result;
}

/** Adds the limits to a compiled expression. */
export function guard(expression: jsonata.Expression): void {
  const assign = expression.assign as unknown as (name: string | symbol, value: unknown) => void;
  assign(Symbol.for('jsonata.__evaluate_entry'), nextSlice);
  assign(
    Symbol.for('jsonata.__evaluate_exit'),
    (node: jsonata.ExprNode, _input: unknown, _environment: unknown, result: unknown) =>
      assertWeight(node.type, result),
  );
  // Marks a value that a URL takes as written; anywhere else it is the value itself.
  expression.registerFunction('raw', (value: unknown) => value, '<x:x>');
  expression.registerFunction('pad', pad, '<s-ns?:s>');
  expression.registerFunction('distinct', distinct, '<x:x>');
  expression.registerFunction('toMillis', toMillis, '<s-s?:n>');
}
