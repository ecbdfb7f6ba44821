// Numbers written in expressions and code that a double cannot hold. They would be another number at run time, so a
// definition with one is refused. stepbase_private.unsafe_literals finds most of those of JSONata in SQL.

import { isUnsafeNumber } from '../text/json-numbers.ts';

export interface UnsafeLiteral {
  text: string;
  /** The offset behind it in the source, as JSONata counts positions. */
  position: number;
}

const mayBeUnsafe = /[\d.]{16}|\d[eE][+-]?\d{3}/;
const numberAtEnd = /\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** The numbers in JSONata's syntax tree of `source`, which has their rounded values and their positions. */
export function unsafeJsonataLiterals(source: string, ast: unknown): UnsafeLiteral[] {
  if (!mayBeUnsafe.test(source)) return [];
  const positions = new Set<number>();
  collect(ast, positions);
  return [...positions]
    .sort((a, b) => a - b)
    .map((position) => ({
      position,
      text: numberAtEnd.exec(source.slice(0, position))?.[0] ?? '0',
    }))
    .filter(({ text }) => isUnsafeNumber(text));
}

function collect(node: unknown, positions: Set<number>): void {
  if (typeof node !== 'object' || node === null) return;
  const { type, position } = node as { type?: unknown; position?: unknown };
  if (type === 'number' && typeof position === 'number') positions.add(position);
  for (const [key, child] of Object.entries(node)) {
    if (key !== 'ancestor' && key !== 'seekingParent' && key !== 'slot') collect(child, positions);
  }
}

/** The numbers in JavaScript's syntax tree (ESTree, whose literals have their text in `raw`). */
export function unsafeJavaScriptLiterals(ast: unknown): UnsafeLiteral[] {
  const found: UnsafeLiteral[] = [];
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    const { type, value, raw, end } = node as Record<string, unknown>;
    if (type === 'Literal' && typeof value === 'number' && typeof raw === 'string') {
      if (isUnsafeJavaScriptLiteral(raw)) {
        found.push({ text: raw, position: typeof end === 'number' ? end : 0 });
      }
      return;
    }
    for (const child of Object.values(node)) visit(child);
  };
  visit(ast);
  return found;
}

/** Whether a number in JavaScript, as it is written there (1_000, 0xff, 1e3, 5n), becomes another one. */
export function isUnsafeJavaScriptLiteral(raw: string): boolean {
  const text = raw.replaceAll('_', '');
  if (text.endsWith('n') || /^0\d/.test(text)) return false;
  return isUnsafeNumber(/^0[xob]/i.test(text) ? String(BigInt(text)) : text);
}
