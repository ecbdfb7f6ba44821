// Expressions at run time: references, expr`…` and template(…), and the text that each of them becomes.

import { DefinitionError } from './errors.ts';
import { isObject } from './json.ts';
import type { Data, Expression, Ref } from './references.ts';

/** `path`: names from the scope on; `expression`: other JSONata; `template`: text that contains {{ … }}. */
interface Source {
  readonly kind: 'path' | 'expression' | 'template';
  readonly text: string;
}

/** A registered symbol, so that two copies of this package understand each other's expressions. */
const SOURCE = Symbol.for('stepbase.expression');

export function sourceOf(value: unknown): Source | undefined {
  return typeof value === 'object' && value !== null
    ? (value as { [SOURCE]?: Source })[SOURCE]
    : undefined;
}

/** In a config, a value of any type; inside text, the text of the value. */
export const asTemplate = ({ kind, text }: Source): string =>
  kind === 'template' ? text : `{{ ${text} }}`;

const OPERATORS = new Set(['and', 'or', 'in', 'true', 'false', 'null', 'function']);

/** A name in a path of JSONata; undefined: JSONata cannot write it. */
export function pathName(name: string): string | undefined {
  if (/^[A-Za-z_]\w*$/.test(name) && !OPERATORS.has(name)) return name;
  return name === '' || name.includes('`') ? undefined : `\`${name}\``;
}

export function reference<T>(...names: string[]): Ref<T> {
  const [root = '', ...rest] = names;
  return pathReference(rest.reduce(member, root)) as Ref<T>;
}

function member(path: string, name: string): string {
  const written = pathName(name);
  if (written === undefined) {
    throw new DefinitionError(
      'expression_syntax',
      `JSONata has no way to write the name ${JSON.stringify(name)}`,
    );
  }
  return `${path}.${written}`;
}

function pathReference(text: string): object {
  const source: Source = { kind: 'path', text };
  return new Proxy(Object.freeze({}), {
    get(_target, key) {
      if (key === SOURCE) return source;
      if (key === Symbol.toPrimitive) return () => asTemplate(source);
      return typeof key === 'string' ? pathReference(member(text, key)) : undefined;
    },
    has: (_target, key) => key === SOURCE,
  });
}

function expression<T>(source: Source): Expression<T> {
  const value = { [SOURCE]: source, [Symbol.toPrimitive]: () => asTemplate(source) };
  return Object.freeze(value) as unknown as Expression<T>;
}

/**
 * JSONata. The text is taken as it is written, so a backslash needs no other one. References and JSON values may stand in
 * it. The type of the value is yours to state: expr<boolean>`${order.output.total} > 100`.
 */
export function expr<T = never>(
  strings: TemplateStringsArray,
  ...values: readonly Data[]
): Expression<NoInfer<T>> {
  const texts = strings.raw.map((text) => text.replaceAll(/\\(`|\$\{)/g, '$1'));
  const isWhole = values.length === 1 && texts.every((text) => text === '');
  const text = texts.reduce((all, part, at) => all + operand(values[at - 1], isWhole) + part);
  return expression({ kind: 'expression', text });
}

function operand(value: unknown, isWhole: boolean): string {
  const source = sourceOf(value);
  if (source?.kind === 'template') {
    throw new DefinitionError('expression_syntax', 'a template cannot stand in an expression');
  }
  if (source !== undefined) {
    return source.kind === 'path' || isWhole ? source.text : `(${source.text})`;
  }
  // JSON is JSONata, also with expressions as members.
  if (Array.isArray(value)) return `[${value.map((item) => operand(item, false)).join(', ')}]`;
  if (isObject(value)) {
    const members = Object.entries(value).filter(([, part]) => part !== undefined);
    const written = members.map(([key, part]) => `${JSON.stringify(key)}: ${operand(part, false)}`);
    return `{${written.join(', ')}}`;
  }
  const isScalar = value === null || ['string', 'boolean'].includes(typeof value);
  if (isScalar || Number.isFinite(value)) return JSON.stringify(value);
  const message = `${String(value)} cannot stand in an expression`;
  throw new DefinitionError('expression_syntax', message);
}

/** Text with {{ … }} for a place that is not text, as it is stored: template('{{ input.ids }}'). */
export function template<T = never>(text: string): Expression<NoInfer<T>> {
  return expression({ kind: 'template', text });
}
