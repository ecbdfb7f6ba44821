// JSONata: each text is compiled once, analysed, limited, and evaluated over the scope of a run into plain JSON.

import jsonata from 'jsonata';
import { analyse, plainPath, type References } from './analysis.ts';
import { ExpressionError, fromJsonata } from './errors.ts';
import { type Json, toJson } from './json.ts';
import { expressionLimits, guard } from './limits.ts';
import { unsafeJsonataLiterals } from './literals.ts';
import { prepareRegex, SandboxedRegExp, withRegexBudget } from './regex.ts';

/** Where an evaluation must give the same value again: what $now, $millis and $random return. */
export interface Moment {
  /** Milliseconds since 1970. */
  now: number;
  random(): number;
}

/** Key of the moment in a scope. A symbol, so that no expression can read it. */
export const MOMENT = Symbol('moment');

/** The names that an expression can read. */
export interface Scope {
  [MOMENT]?: Moment;
  input: unknown;
  steps: Readonly<Record<string, { output: unknown }>>;
  context: Readonly<Record<string, unknown>>;
  run: unknown;
  item?: unknown;
  index?: number;
}

export interface CompiledExpression extends References {
  readonly source: string;
  /** The whole expression is `$raw(…)`: a URL takes its value as written. */
  readonly isRaw: boolean;
  /** undefined when the expression selects nothing. */
  evaluate(scope: Scope): Promise<Json | undefined>;
}

const cacheSize = 2_000;
const cache = new Map<string, CompiledExpression>();

/** Throws ExpressionError with the position when the text is not JSONata, or has a number that a double cannot hold. */
export function compileExpression(source: string): CompiledExpression {
  const cached = cache.get(source);
  if (cached !== undefined) {
    // A Map keeps its order of insertion, so the first key is the least recently used.
    cache.delete(source);
    cache.set(source, cached);
    return cached;
  }
  const compiled = compile(source);
  cache.set(source, compiled);
  if (cache.size > cacheSize) {
    const [oldest] = cache.keys();
    if (oldest !== undefined) cache.delete(oldest);
  }
  return compiled;
}

function isRawCall(ast: unknown): boolean {
  const { type, procedure } = ast as {
    type?: string;
    procedure?: { type?: string; value?: string };
  };
  return type === 'function' && procedure?.type === 'variable' && procedure.value === 'raw';
}

function compile(source: string): CompiledExpression {
  if (source.length > expressionLimits.sourceLength) {
    throw new ExpressionError('expression_too_large', 'the expression is too long');
  }
  let expression: jsonata.Expression;
  let references: References;
  let path: readonly string[] | undefined;
  let isRaw: boolean;
  try {
    expression = jsonata(source, {
      stack: expressionLimits.depth,
      sequence: expressionLimits.items,
      RegexEngine: SandboxedRegExp as unknown as RegExpConstructor,
    });
    const [unsafe] = unsafeJsonataLiterals(source, expression.ast());
    if (unsafe !== undefined) {
      throw new ExpressionError(
        'unsafe_number',
        `a double cannot hold the number ${unsafe.text}: write its digits as a string`,
        { expression: source, position: unsafe.position },
      );
    }
    references = analyse(expression.ast());
    path = plainPath(expression.ast());
    isRaw = isRawCall(expression.ast());
  } catch (error) {
    throw fromJsonata(error, source);
  }
  guard(expression);
  return {
    ...references,
    source,
    isRaw,
    async evaluate(scope) {
      try {
        const direct = path === undefined ? unresolved : follow(path, scope);
        if (direct !== unresolved) return toJson(direct);
        const functions = functionsOf(scope[MOMENT]);
        if (!references.usesRegex) return toJson(await expression.evaluate(scope, functions));
        await prepareRegex();
        return toJson(await withRegexBudget(() => expression.evaluate(scope, functions)));
      } catch (error) {
        throw fromJsonata(error, source);
      }
    },
  };
}

const isoTime = jsonata('$fromMillis($millis, $picture, $timezone)');

/** Functions of the scope's moment, in place of those that JSONata has; undefined without a moment. */
function functionsOf(moment: Moment | undefined): Record<string, unknown> | undefined {
  if (moment === undefined) return undefined;
  const { now: millis, random } = moment;
  return {
    now: (picture?: string, timezone?: string) =>
      picture === undefined && timezone === undefined
        ? new Date(millis).toISOString()
        : isoTime.evaluate({}, { millis, picture, timezone }),
    millis: () => millis,
    random,
  };
}

const unresolved = Symbol('unresolved');

/** Most templates are paths such as `steps.a.output.b`; a path through a list needs JSONata, which maps over it. */
function follow(path: readonly string[], scope: Scope): unknown {
  let value: unknown = scope;
  for (const name of path) {
    if (value === undefined || value === null) return undefined;
    if (Array.isArray(value)) return unresolved;
    if (typeof value !== 'object' || !Object.hasOwn(value, name)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return value;
}

export function evaluate(expression: string, scope: Scope): Promise<Json | undefined> {
  return compileExpression(expression).evaluate(scope);
}
