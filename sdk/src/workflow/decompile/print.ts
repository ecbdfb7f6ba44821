// Prints TypeScript: literals, and calls and lists that are broken into lines where they are too long.

/** Code, or a group that is printed on one line if it fits. */
export type Doc = string | Group;

interface Group {
  /** Code before the first item, such as `w.delay(`. */
  readonly open: string;
  readonly items: readonly Item[];
  readonly close: string;
  /** Between the items and the brackets, on one line. */
  readonly space: '' | ' ';
  readonly separator: ',' | ';';
  /** A call whose last argument may begin on its line. */
  readonly isCall: boolean;
}

/** `key: value`, `key: (x) => value`, or a value. */
interface Item {
  readonly head: string;
  readonly value: Doc;
}

const WIDTH = 100;

export const call = (name: string, args: readonly Doc[]): Doc => ({
  open: `${name}(`,
  items: args.map((value) => ({ head: '', value })),
  close: ')',
  space: '',
  separator: ',',
  isCall: true,
});

export const list = (values: readonly Doc[]): Doc => ({
  open: '[',
  items: values.map((value) => ({ head: '', value })),
  close: ']',
  space: '',
  separator: ',',
  isCall: false,
});

/** `head` is the printed key with its colon. */
export const object = (members: readonly (readonly [head: string, value: Doc])[]): Doc =>
  members.length === 0
    ? '{}'
    : {
        open: '{',
        items: members.map(([head, value]) => ({ head, value })),
        close: '}',
        space: ' ',
        separator: ',',
        isCall: false,
      };

/** The type of an object, with code before and behind it: shape<{ a: unknown }>(). */
export const objectType = (
  before: string,
  members: readonly (readonly [head: string, value: Doc])[],
  behind: string,
): Doc => ({
  open: `${before}{`,
  items: members.map(([head, value]) => ({ head, value })),
  close: `}${behind}`,
  space: ' ',
  separator: ';',
  isCall: false,
});

/** A property of an object literal. */
export const member = (key: string, value: Doc): readonly [string, Doc] => [
  `${propertyKey(key)}: `,
  value,
];

export function print(doc: Doc, indent: number, before = 0, after = 0): string {
  if (typeof doc === 'string') return doc;
  const flat = printFlat(doc);
  const isShort = before + flat.length + after <= WIDTH && !flat.includes('\n');
  if (isShort || doc.items.length === 0) return flat;
  return (doc.isCall ? printHugging(doc, indent, before) : undefined) ?? printLines(doc, indent);
}

export function printFlat(doc: Doc): string {
  if (typeof doc === 'string') return doc;
  const items = doc.items
    .map(({ head, value }) => head + printFlat(value))
    .join(`${doc.separator} `);
  return `${doc.open}${doc.space}${items}${doc.space}${doc.close}`;
}

/** `w.delay('a', {` with the members of the last argument on lines of their own. */
function printHugging(doc: Group, indent: number, before: number): string | undefined {
  const last = doc.items.at(-1);
  if (last === undefined || typeof last.value === 'string') return undefined;
  const first = doc.items.slice(0, -1).map(({ head, value }) => head + printFlat(value));
  const start = `${doc.open}${first.map((text) => `${text}, `).join('')}${last.head}`;
  if (start.includes('\n') || before + start.length + last.value.open.length > WIDTH)
    return undefined;
  return `${start}${print(last.value, indent, before + start.length, WIDTH)}${doc.close}`;
}

function printLines({ open, items, close, separator }: Group, indent: number): string {
  const pad = ' '.repeat(indent + 2);
  const lines = items.map(
    ({ head, value }) =>
      `${pad}${head}${print(value, indent + 2, indent + 2 + head.length, 1)}${separator}`,
  );
  return `${open}\n${lines.join('\n')}\n${' '.repeat(indent)}${close}`;
}

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;

/** A key of an object literal; `__proto__: x` would set the prototype. */
export function propertyKey(name: string): string {
  if (name === '__proto__') return `['__proto__']`;
  return IDENTIFIER.test(name) ? name : stringLiteral(name);
}

export const propertyAccess = (name: string): string =>
  IDENTIFIER.test(name) ? `.${name}` : `[${stringLiteral(name)}]`;

const ESCAPED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Characters that would not survive in a source file, or end its lines. */
function escaped(text: string, special: RegExp): string {
  return text.replaceAll(special, '\\$&').replaceAll(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to escape
    /[\u0000-\u001f\u007f\u2028\u2029\ufeff]|\p{Cs}/gu,
    (char) => ESCAPED[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

export const stringLiteral = (text: string): string =>
  text.includes("'") && !text.includes('"')
    ? `"${escaped(text, /[\\]/g)}"`
    : `'${escaped(text, /['\\]/g)}'`;

/** Text between backticks, with line breaks as they are. */
export const templateText = (text: string): string =>
  text
    .split('\n')
    .map((line) => escaped(line, /[`\\]|\$(?=\{)/g))
    .join('\n');

/**
 * Text between the backticks of expr`…`, which takes backslashes as they are; undefined: it cannot be written there. A
 * backslash must not stand before what the tag reads as escaped.
 */
export function rawText(text: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they would not survive in a source file
  const lost = /[\u0000-\u0008\u000b-\u001f\u007f\u2028\u2029\ufeff]|\p{Cs}|\\(?:`|\$\{|$)/u;
  if (lost.test(text)) return undefined;
  return text.replaceAll(/`|\$(?=\{)/g, '\\$&');
}

export function jsonLiteral(value: unknown): Doc {
  if (typeof value === 'string') return stringLiteral(value);
  if (Object.is(value, -0)) return '-0';
  if (Array.isArray(value)) return list(value.map(jsonLiteral));
  if (typeof value === 'object' && value !== null) {
    return object(Object.entries(value).map(([key, part]) => member(key, jsonLiteral(part))));
  }
  return JSON.stringify(value);
}
