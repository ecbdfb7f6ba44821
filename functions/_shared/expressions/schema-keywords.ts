// The keywords of JSON Schema that concern values of one type.

import { hasFormat } from './schema-formats.ts';
import { asCount, checkNumber, ExactNumber } from './schema-numbers.ts';
import {
  isSchemaObject,
  type Place,
  type SchemaObject,
  type Validation,
} from './schema-validation.ts';

/** Lists of a schema or a value cost less than an evaluation for each element. */
const perElement = 0.05;

/** Code points, as PostgreSQL counts them. */
function lengthOf(text: string): number {
  let surrogatePairs = 0;
  for (let at = 1; at < text.length; at += 1) {
    const isLow = (text.charCodeAt(at) & 0xfc00) === 0xdc00;
    if (isLow && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800) surrogatePairs += 1;
  }
  return text.length - surrogatePairs;
}

export function checkScalar(
  validation: Validation,
  schema: SchemaObject,
  value: unknown,
  place: Place,
): void {
  if (typeof value === 'number' || value instanceof ExactNumber) {
    checkNumber(validation, schema, value, place);
  }
  if (typeof value !== 'string') return;
  validation.spend(value.length / 8_192);
  const length =
    schema.minLength === undefined && schema.maxLength === undefined ? 0 : lengthOf(value);
  if (length < asCount(schema.minLength)) {
    validation.report(place, `must have at least ${String(schema.minLength)} characters`);
  }
  if (length > asCount(schema.maxLength)) {
    validation.report(place, `must have at most ${String(schema.maxLength)} characters`);
  }
  const { pattern, format } = schema;
  if (typeof pattern === 'string' && !validation.matchesPattern(pattern, value)) {
    validation.report(place, `must match ${pattern}`);
  }
  if (typeof format === 'string' && !hasFormat(format, value)) {
    validation.report(place, `must be a valid ${format}`);
  }
}

export function checkArray(
  validation: Validation,
  schema: SchemaObject,
  value: readonly unknown[],
  place: Place,
): void {
  const { length } = value;
  if (length < asCount(schema.minItems)) {
    validation.report(place, `must have at least ${String(schema.minItems)} items`);
  }
  if (length > asCount(schema.maxItems)) {
    validation.report(place, `must have at most ${String(schema.maxItems)} items`);
  }
  if (schema.uniqueItems === true && repeatsItem(validation, value)) {
    validation.report(place, 'must not repeat an item');
  }
  const tuple = Array.isArray(schema.prefixItems) ? schema.prefixItems : [];
  const { items, contains } = schema;
  if (tuple.length > 0 || typeof items === 'boolean' || isSchemaObject(items)) {
    for (const [at, item] of value.entries()) {
      if (validation.isFull) break;
      validation.checkPart(at < tuple.length ? tuple[at] : items, item, at, place);
    }
  }
  if (contains === undefined) return;
  const matching = value.filter((item, at) =>
    validation.holds(() => validation.checkPart(contains, item, at, place)),
  ).length;
  const least = schema.minContains === undefined ? 1 : asCount(schema.minContains);
  if (matching < least) validation.report(place, `must contain at least ${least} matching items`);
  if (matching > asCount(schema.maxContains)) {
    validation.report(place, `must contain at most ${String(schema.maxContains)} matching items`);
  }
}

/** Equal values have equal canonical texts, so that not every pair needs to be compared. */
function repeatsItem(validation: Validation, value: readonly unknown[]): boolean {
  const seen = new Set<string>();
  for (const item of value) {
    const text = canonical(item);
    validation.spend(perElement + text.length / 8_192);
    if (seen.has(text)) return true;
    seen.add(text);
  }
  return false;
}

function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_key, part: unknown) =>
      isSchemaObject(part)
        ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
        : part,
    ) ?? 'undefined'
  );
}

const mapOf = (keyword: unknown): SchemaObject => (isSchemaObject(keyword) ? keyword : {});
const namesIn = (list: unknown): string[] =>
  Array.isArray(list) ? list.filter((name) => typeof name === 'string') : [];

export function checkObject(
  validation: Validation,
  schema: SchemaObject,
  value: SchemaObject,
  place: Place,
): void {
  const names = Object.keys(value);
  const required = namesIn(schema.required);
  validation.spend((names.length + required.length) * perElement);
  requireNames(validation, required, value, place);
  if (names.length < asCount(schema.minProperties)) {
    validation.report(place, `must have at least ${String(schema.minProperties)} properties`);
  }
  if (names.length > asCount(schema.maxProperties)) {
    validation.report(place, `must have at most ${String(schema.maxProperties)} properties`);
  }
  const properties = mapOf(schema.properties);
  const patterns = Object.entries(mapOf(schema.patternProperties));
  for (const name of names) {
    if (validation.isFull) return;
    let isKnown = Object.hasOwn(properties, name);
    if (isKnown) validation.checkPart(properties[name], value[name], name, place);
    for (const [pattern, part] of patterns) {
      if (!validation.matchesPattern(pattern, name)) continue;
      isKnown = true;
      validation.checkPart(part, value[name], name, place);
    }
    if (isKnown || schema.additionalProperties === undefined) continue;
    if (schema.additionalProperties === false) {
      validation.report(validation.inside(name, place), 'is not a known property');
    } else {
      validation.checkPart(schema.additionalProperties, value[name], name, place);
    }
  }
  if (schema.propertyNames !== undefined) {
    for (const name of names) validation.checkPart(schema.propertyNames, name, name, place);
  }
  checkDependents(validation, schema, value, place);
}

function requireNames(
  validation: Validation,
  names: readonly string[],
  value: SchemaObject,
  place: Place,
): void {
  for (const name of names) {
    if (!Object.hasOwn(value, name)) {
      validation.report(validation.inside(name, place), 'is required');
    }
  }
}

function checkDependents(
  validation: Validation,
  schema: SchemaObject,
  value: SchemaObject,
  place: Place,
): void {
  for (const [name, wanted] of Object.entries(mapOf(schema.dependentRequired))) {
    const list = namesIn(wanted);
    validation.spend(perElement * (1 + list.length));
    if (Object.hasOwn(value, name)) requireNames(validation, list, value, place);
  }
  for (const [name, part] of Object.entries(mapOf(schema.dependentSchemas))) {
    if (Object.hasOwn(value, name)) validation.checkHere(part, value, place);
  }
}
