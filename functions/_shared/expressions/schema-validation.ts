// The state of one validation by a JSON Schema: its budget, its problems, and the document for $ref.

import { cutText } from '../text/storable.ts';
import { ExpressionError } from './errors.ts';
import { patternMatches, regexBudget } from './regex.ts';
import type { SchemaProblem } from './schema.ts';
import { ExactNumber } from './schema-numbers.ts';

export type SchemaObject = Readonly<Record<string, unknown>>;

/** Where a validation stands. */
export interface Place {
  /** JSON pointer of the value. */
  path: string;
  /** Nested evaluations. */
  depth: number;
  /** The $refs that were already followed for this value. */
  followed: readonly string[];
}

export type Check = (validation: Validation, schema: unknown, value: unknown, place: Place) => void;

const maxEvaluations = 100_000;
const maxDepth = 64;
const maxPattern = 500;
const maxSubject = 100_000;

export function isSchemaObject(value: unknown): value is SchemaObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export class Validation {
  readonly #root: object;
  readonly #check: Check;
  readonly #regex = regexBudget();
  #left = maxEvaluations;
  #problems: SchemaProblem[] = [];
  #room = 0;

  constructor(root: object, check: Check) {
    this.#root = root;
    this.#check = check;
  }

  /** The problems that `work` reports, at most `room`. */
  collect(room: number, work: () => void): SchemaProblem[] {
    const before = { problems: this.#problems, room: this.#room };
    this.#problems = [];
    this.#room = room;
    work();
    const found = this.#problems;
    this.#problems = before.problems;
    this.#room = before.room;
    return found;
  }

  /** Whether `work` reports no problem. */
  holds(work: () => void): boolean {
    return this.collect(1, work).length === 0;
  }

  /** True: further problems are not reported, so that nothing needs to be checked any more. */
  get isFull(): boolean {
    return this.#room === 0;
  }

  report({ path }: Pick<Place, 'path'>, message: string): void {
    if (this.#room === 0) return;
    this.#room -= 1;
    this.#problems.push({ path: path === '' ? '/' : path, message: cutText(message, 500) });
  }

  spend(evaluations: number): void {
    this.#left -= evaluations;
    if (this.#left < 0) {
      throw new ExpressionError(
        'schema_too_complex',
        `the validation needs more than ${maxEvaluations} evaluations`,
      );
    }
  }

  assertDepth({ depth }: Place): void {
    if (depth > maxDepth) {
      throw new ExpressionError(
        'schema_too_complex',
        `the schema and the value nest more than ${maxDepth} levels deep`,
      );
    }
  }

  /** Checks a part of the value. */
  checkPart(schema: unknown, value: unknown, key: string | number, place: Place): void {
    this.#check(this, schema, value, this.inside(key, place));
  }

  /** Checks the same value by another part of the schema. */
  checkHere(schema: unknown, value: unknown, place: Place): void {
    this.#check(this, schema, value, { ...place, depth: place.depth + 1 });
  }

  inside(key: string | number, place: Place): Place {
    const step = String(key).replaceAll('~', '~0').replaceAll('/', '~1');
    return { path: cutText(`${place.path}/${step}`, 1_000), depth: place.depth + 1, followed: [] };
  }

  schemaAt(reference: string): unknown {
    if (reference === '#') return this.#root;
    if (!reference.startsWith('#/')) return undefined;
    let target: unknown = this.#root;
    for (const step of reference.slice(2).split('/')) {
      const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
      if (typeof target !== 'object' || target === null || !Object.hasOwn(target, key)) {
        return undefined;
      }
      target = (target as SchemaObject)[key];
    }
    return target;
  }

  /** Compares JSON values; each part that is compared uses a little of the budget. */
  isEqual(one: unknown, other: unknown): boolean {
    this.spend(0.1);
    if (one === other) return true;
    if (other instanceof ExactNumber) return other.isEqual(one);
    if (typeof one !== 'object' || typeof other !== 'object') return false;
    if (one === null || other === null) return false;
    if (Array.isArray(one) !== Array.isArray(other)) return false;
    const keys = Object.keys(one);
    if (keys.length !== Object.keys(other).length) return false;
    return keys.every(
      (key) =>
        Object.hasOwn(other, key) &&
        this.isEqual((one as SchemaObject)[key], (other as SchemaObject)[key]),
    );
  }

  /** A pattern that cannot be compiled matches no text. */
  matchesPattern(pattern: string, text: string): boolean {
    if (pattern.length > maxPattern || text.length > maxSubject) {
      throw new ExpressionError(
        'schema_too_complex',
        `a pattern has at most ${maxPattern} characters and is matched against at most ${maxSubject}`,
      );
    }
    this.spend(1);
    return patternMatches(pattern, text, this.#regex) ?? false;
  }
}
