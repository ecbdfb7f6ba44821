// Numbers in JSON Schema. A string with the digits of a number that a double cannot hold is checked as this number, too;
// stepbase_private.json_check_value does the same. Bounds are compared by decimal value.

import {
  compareDecimals,
  type Decimal,
  decimalOf,
  exactNumber,
  isMultiple,
} from '../text/json-numbers.ts';
import type { Place, SchemaObject, Validation } from './schema-validation.ts';

/** A number whose digits travel as a string. */
export class ExactNumber {
  readonly decimal: Decimal;

  constructor(decimal: Decimal) {
    this.decimal = decimal;
  }

  static of(value: unknown): ExactNumber | undefined {
    const decimal = typeof value === 'string' ? exactNumber(value) : undefined;
    return decimal && new ExactNumber(decimal);
  }

  get isInteger(): boolean {
    return this.decimal.exponent >= 0;
  }

  /** Whether a value of the schema, in which digits are a string too, is this number. */
  isEqual(other: unknown): boolean {
    const decimal = ExactNumber.of(other)?.decimal;
    return decimal !== undefined && compareDecimals(this.decimal, decimal) === 0;
  }
}

/** A limit of lengths and counts; NaN, which no value is less or more than, if it is not a number. */
export function asCount(limit: unknown): number {
  if (typeof limit === 'number') return limit;
  return ExactNumber.of(limit) === undefined ? Number.NaN : Number(limit);
}

/** As compareDecimals; NaN if the limit is not a number. */
function compare(value: number | ExactNumber, limit: unknown): number {
  // The doubles are in the same order as the decimals that they are printed as.
  if (typeof value === 'number' && typeof limit === 'number') return value - limit;
  const other = toDecimal(limit);
  return other === undefined ? Number.NaN : compareDecimals(toDecimal(value) ?? other, other);
}

function toDecimal(value: unknown): Decimal | undefined {
  if (value instanceof ExactNumber) return value.decimal;
  return typeof value === 'number' ? decimalOf(String(value)) : ExactNumber.of(value)?.decimal;
}

export function checkNumber(
  validation: Validation,
  schema: SchemaObject,
  value: number | ExactNumber,
  place: Place,
): void {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  const report = (message: string, limit: unknown) =>
    validation.report(place, `${message} ${String(limit)}`);
  if (compare(value, minimum) < 0) report('must be at least', minimum);
  if (compare(value, maximum) > 0) report('must be at most', maximum);
  if (compare(value, exclusiveMinimum) <= 0) report('must be more than', exclusiveMinimum);
  if (compare(value, exclusiveMaximum) >= 0) report('must be less than', exclusiveMaximum);
  const step = toDecimal(multipleOf);
  const decimal = toDecimal(value);
  if (step?.sign === 1 && decimal !== undefined && !isMultiple(decimal, step)) {
    report('must be a multiple of', multipleOf);
  }
}
