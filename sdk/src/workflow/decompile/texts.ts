// Texts with {{ … }} and expressions as code: paths that types know become references, the rest stays as it is written.

import { rawText, stringLiteral, templateText } from './print.ts';
import { type Path, pathAt, ROOTS } from './shapes.ts';

/** A reference that stands for the beginning of a path. */
export interface Reference {
  readonly code: string;
  /** Of the text that it stands for. */
  readonly length: number;
  /** Notes that the code uses it. */
  use(): void;
}

/** What a text can refer to at its place. */
export interface Scope {
  resolve(path: Path): Reference | undefined;
  /** Notes that an import is used. */
  use(name: 'expr' | 'template'): void;
}

interface Part {
  readonly text: string;
  /** Stands behind the text. */
  readonly reference?: Reference;
}

/** The parts of an expression; the last one has no reference. */
function partsOf(source: string, scope: Scope): Part[] {
  const parts: Part[] = [];
  let at = 0;
  for (const { index, 0: root } of source.matchAll(ROOTS)) {
    const reference = index < at ? undefined : scope.resolve(pathAt(source, index, root));
    if (reference === undefined) continue;
    parts.push({ text: source.slice(at, index), reference });
    at = index + reference.length;
  }
  return [...parts, { text: source.slice(at) }];
}

/** expr`…`; undefined: it cannot be written, or `needsReference` and there is none. */
export function expressionCode(
  source: string,
  scope: Scope,
  { needsReference = false, type = '' } = {},
): string | undefined {
  const parts = partsOf(source, scope);
  if (needsReference && parts.length === 1) return undefined;
  let code = '';
  for (const { text, reference } of parts) {
    const raw = rawText(text);
    if (raw === undefined) return undefined;
    code += reference === undefined ? raw : `${raw}\${${reference.code}}`;
  }
  for (const { reference } of parts) reference?.use();
  scope.use('expr');
  return `expr${type === '' ? '' : `<${type}>`}\`${code}\``;
}

/** The reference that the expression consists of. */
function loneReference(source: string, scope: Scope): string | undefined {
  const [first, rest, ...others] = partsOf(source, scope);
  const isLone = first?.text === '' && rest?.text === '' && others.length === 0;
  if (!isLone) return undefined;
  first.reference?.use();
  return first.reference?.code;
}

/** As expressions are written into text: one space inside the braces. */
const TEMPLATE = /\{\{ (\S(?:[^{}]*[^\s{}])?) \}\}/g;
const WHOLE = /^\{\{ (\S(?:[\s\S]*\S)?) \}\}$/;

export const isTemplate = (text: string): boolean => text.includes('{{');

/** A value of type string. */
export function textCode(text: string, scope: Scope): string {
  let code = '';
  let at = 0;
  let hasReference = false;
  for (const { index, 0: whole, 1: source = '' } of text.matchAll(TEMPLATE)) {
    const reference =
      loneReference(source, scope) ?? expressionCode(source, scope, { needsReference: true });
    if (reference === undefined) continue;
    code += `${templateText(text.slice(at, index))}\${${reference}}`;
    at = index + whole.length;
    hasReference = true;
  }
  if (!hasReference && !text.includes('\n')) return stringLiteral(text);
  return `\`${code}${templateText(text.slice(at))}\``;
}

/** A place that takes data of each type. */
export function dataCode(text: string, scope: Scope): string {
  const [, source] = WHOLE.exec(text) ?? [];
  const lone = source === undefined ? undefined : loneReference(source, scope);
  return lone ?? textCode(text, scope);
}

/** A template in a place that is not text, such as a number. */
export function valueCode(text: string, scope: Scope, type?: string): string {
  const [, source] = WHOLE.exec(text) ?? [];
  const options = type === undefined ? {} : { type };
  // Two templates in one text are text, not one expression.
  const isOne = source !== undefined && !source.includes('{{') && !source.includes('}}');
  const code = isOne ? expressionCode(source, scope, options) : undefined;
  if (code !== undefined) return code;
  scope.use('template');
  return `template${type === undefined ? '' : `<${type}>`}(${stringLiteral(text)})`;
}

/** The value of a key that holds a bare expression. */
export const bareCode = (source: string, scope: Scope, type?: string): string =>
  expressionCode(source, scope, type === undefined ? { needsReference: true } : { type }) ??
  literalText(source);

export const literalText = (text: string): string =>
  text.includes('\n') ? `\`${templateText(text)}\`` : stringLiteral(text);
