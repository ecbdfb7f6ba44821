// Converts the value of an expression to plain JSON that PostgreSQL can store, up to a maximum size.

import { storableText } from '../text/storable.ts';
import { ExpressionError } from './errors.ts';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const maxDepth = 200;
const maxNodes = 1_000_000;

/**
 * A copy that contains only JSON. As in JSON.stringify, a value without a JSON form is left out of objects and null in
 * arrays. NaN and Infinity are errors: they would become null. Parts that occur several times count each time, so that a value that only appears small is refused.
 */
export function toJson(value: unknown): Json | undefined {
  let nodes = 0;
  const copy = (from: unknown, depth: number): Json | undefined => {
    nodes += 1;
    if (nodes > maxNodes) {
      throw new ExpressionError('expression_too_large', 'the value has too many parts');
    }
    if (depth > maxDepth) {
      throw new ExpressionError('expression_too_deep', 'the value nests too deeply');
    }
    switch (typeof from) {
      case 'string':
        return storableText(from);
      case 'number':
        if (Number.isFinite(from)) return from;
        throw new ExpressionError(
          'number_not_finite',
          `the value contains ${from}, which is not a number in JSON`,
        );
      case 'boolean':
        return from;
      case 'bigint':
        return String(from);
      case 'object':
        break;
      default:
        return undefined;
    }
    if (from === null) return null;
    if (Array.isArray(from)) return from.map((item) => copy(item, depth + 1) ?? null);
    if (from instanceof Date) return from.toJSON();
    if ('_jsonata_lambda' in from || '_jsonata_function' in from) return undefined;
    const result: { [key: string]: Json } = {};
    for (const [name, item] of Object.entries(from)) {
      const key = storableText(name);
      const made = copy(item, depth + 1);
      if (made === undefined) continue;
      // Assigning to __proto__ would set the prototype instead of a key.
      if (key === '__proto__')
        Object.defineProperty(result, key, { value: made, enumerable: true });
      else result[key] = made;
    }
    return result;
  };
  return copy(value, 0);
}
