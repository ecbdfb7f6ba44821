// Checks values of models, services and people against a JSON Schema. Schemas belong to tenants, so a validation has a
// budget of evaluations, and patterns run in the sandbox. stepbase_private.json_check does the same in SQL.

import { ExpressionError } from './errors.ts';
import { prepareRegex } from './regex.ts';
import { checkArray, checkObject, checkScalar } from './schema-keywords.ts';
import { ExactNumber } from './schema-numbers.ts';
import { isSchemaObject, type Place, type SchemaObject, Validation } from './schema-validation.ts';

export interface SchemaProblem {
  /** JSON pointer of the offending part. */
  path: string;
  message: string;
}

const usingPatterns = new WeakMap<object, boolean>();

function usesPatterns(schema: object): boolean {
  let known = usingPatterns.get(schema);
  if (known === undefined) {
    known = /"pattern(?:Properties)?"/.test(JSON.stringify(schema));
    usingPatterns.set(schema, known);
  }
  return known;
}

/** Throws ExpressionError schema_too_complex when the budget is used up. */
export async function validateJson(schema: object, value: unknown): Promise<SchemaProblem[]> {
  try {
    if (usesPatterns(schema)) await prepareRegex();
    const validation = new Validation(schema, checkValue);
    const place: Place = { path: '', depth: 0, followed: [] };
    return validation.collect(20, () => checkValue(validation, schema, value, place));
  } catch (error) {
    if (error instanceof RangeError) {
      throw new ExpressionError('schema_too_complex', 'the schema or the value nests too deeply');
    }
    throw error;
  }
}

/** The digits of a number that a double cannot hold may be meant as a string or as this number: one of both suffices. */
function checkValue(validation: Validation, schema: unknown, value: unknown, place: Place): void {
  const number = ExactNumber.of(value);
  if (number === undefined) {
    check(validation, schema, value, place);
    return;
  }
  const asText = validation.collect(20, () => check(validation, schema, value, place));
  if (asText.length === 0) return;
  const asNumber = validation.collect(20, () => check(validation, schema, number, place));
  if (asNumber.length === 0) return;
  const isNoNumber = asNumber.some(({ message }) => message.startsWith('must be of type'));
  for (const { path, message } of isNoNumber ? asText : asNumber) {
    validation.report({ path }, message);
  }
}

function check(validation: Validation, schema: unknown, value: unknown, place: Place): void {
  if (validation.isFull || schema === undefined || schema === null || schema === true) return;
  if (schema === false) {
    validation.report(place, 'is not allowed');
    return;
  }
  if (!isSchemaObject(schema)) {
    validation.report(place, 'has a schema that is not an object');
    return;
  }
  validation.spend(1);
  validation.assertDepth(place);
  if (value === null && schema.nullable === true) return;
  if (schema.$ref !== undefined && !followReference(validation, schema, value, place)) return;
  const types = [schema.type ?? []].flat();
  if (types.length > 0 && !types.some((name) => hasType(value, name))) {
    validation.report(place, `must be of type ${types.join(' or ')}, not ${typeOf(value)}`);
    return;
  }
  if (schema.const !== undefined && !validation.isEqual(schema.const, value)) {
    validation.report(place, `must be ${JSON.stringify(schema.const)}`);
  }
  const list = schema.enum;
  if (Array.isArray(list) && !list.some((item) => validation.isEqual(item, value))) {
    validation.report(place, `must be one of ${JSON.stringify(list)}`);
  }
  if (Array.isArray(value)) checkArray(validation, schema, value, place);
  else if (isSchemaObject(value) && !(value instanceof ExactNumber))
    checkObject(validation, schema, value, place);
  else checkScalar(validation, schema, value, place);
  checkBranches(validation, schema, value, place);
}

/** Whether the other keywords are still to be checked. */
function followReference(
  validation: Validation,
  schema: SchemaObject,
  value: unknown,
  place: Place,
): boolean {
  const reference = String(schema.$ref);
  const target = validation.schemaAt(reference);
  if (target === undefined || place.followed.includes(reference)) {
    validation.report(place, `has a schema whose $ref cannot be resolved: ${reference}`);
    return false;
  }
  const followed = [...place.followed, reference];
  check(validation, target, value, { ...place, depth: place.depth + 1, followed });
  return true;
}

function checkBranches(
  validation: Validation,
  schema: SchemaObject,
  value: unknown,
  place: Place,
): void {
  const inner = { ...place, depth: place.depth + 1 };
  const matches = (branch: unknown): boolean =>
    validation.holds(() => check(validation, branch, value, inner));
  if (Array.isArray(schema.allOf)) {
    for (const branch of schema.allOf) check(validation, branch, value, inner);
  }
  if (Array.isArray(schema.anyOf) && !schema.anyOf.some(matches)) {
    validation.report(place, 'must match at least one schema in anyOf');
  }
  if (Array.isArray(schema.oneOf)) {
    const matching = schema.oneOf.filter(matches).length;
    if (matching !== 1) {
      validation.report(place, `must match exactly one schema in oneOf, but matches ${matching}`);
    }
  }
  if (schema.not !== undefined && matches(schema.not)) {
    validation.report(place, 'must not match the schema in not');
  }
  if (schema.if !== undefined) {
    check(validation, matches(schema.if) ? schema.then : schema.else, value, inner);
  }
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (value instanceof ExactNumber) return 'number';
  return Array.isArray(value) ? 'array' : typeof value;
}

function hasType(value: unknown, name: unknown): boolean {
  return typeOf(value) === name || (name === 'integer' && isInteger(value));
}

function isInteger(value: unknown): boolean {
  return value instanceof ExactNumber ? value.isInteger : Number.isInteger(value);
}
