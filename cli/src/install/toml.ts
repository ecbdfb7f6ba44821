// Changes of a TOML file that keep everything else: its comments, the order of its tables and the form of its values.
import { isDeepStrictEqual } from 'node:util';
import { type AST, getStaticTOMLValue, parseTOML } from 'toml-eslint-parser';
import { isObject } from '../../../sdk/src/workflow/json.ts';
import { usage } from '../errors.ts';

export type TomlObject = Readonly<Record<string, unknown>>;

const bodyOf = (text: string): AST.TOMLTopLevelTable => parseTOML(text).body[0];

export function parseToml(text: string, file: string): TomlObject {
  try {
    return getStaticTOMLValue(parseTOML(text)) as TomlObject;
  } catch (error) {
    throw usage('invalid_config', `${file} is not TOML: ${(error as Error).message}`);
  }
}

/** The value at a path of keys. */
export function valueAt(object: TomlObject, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (isObject(value) ? value[key] : undefined), object);
}

const namesOf = ({ keys }: AST.TOMLKey): string[] =>
  keys.map((key) => (key.type === 'TOMLBare' ? key.name : key.value));

const findTable = (text: string, path: readonly string[]): AST.TOMLTable | undefined =>
  bodyOf(text).body.find(
    (one): one is AST.TOMLTable =>
      one.type === 'TOMLTable' &&
      one.kind === 'standard' &&
      isDeepStrictEqual(one.resolvedKey, path),
  );

function findKey(text: string, path: readonly string[]): AST.TOMLKeyValue | undefined {
  for (const one of bodyOf(text).body) {
    const [above, pairs] = one.type === 'TOMLTable' ? [one.resolvedKey, one.body] : [[], [one]];
    const found = pairs.find(({ key }) => isDeepStrictEqual([...above, ...namesOf(key)], path));
    if (found !== undefined) return found;
  }
  return undefined;
}

const splice = (text: string, from: number, to: number, by: string): string =>
  text.slice(0, from) + by + text.slice(to);

/** Sets a key of a table: where it stands, or else below the last key of the table, or in a new table. */
export function setKey(
  text: string,
  table: readonly string[],
  key: string,
  value: string | boolean | readonly string[],
): string {
  const literal = Array.isArray(value)
    ? `[${value.map((one) => JSON.stringify(one)).join(', ')}]`
    : JSON.stringify(value);
  const present = findKey(text, [...table, key]);
  if (present !== undefined) return splice(text, ...present.value.range, literal);
  const found = findTable(text, table);
  if (found === undefined) return appendTable(text, undefined, table, { [key]: value });
  const end = found.body.at(-1)?.range[1] ?? found.range[1];
  const line = text.indexOf('\n', end);
  const at = line === -1 ? text.length : line;
  return splice(text, at, at, `\n${key} = ${literal}`);
}

/** Adds a text to an array, in the form of its last element. */
export function addToArray(text: string, path: readonly string[], value: string): string {
  const array = findKey(text, path)?.value;
  if (array?.type !== 'TOMLArray') return text;
  const last = array.elements.at(-1);
  const literal = JSON.stringify(value);
  if (last === undefined) return splice(text, array.range[0] + 1, array.range[0] + 1, literal);
  const lineStart = text.lastIndexOf('\n', last.range[0]) + 1;
  const before = text.slice(lineStart, last.range[0]);
  const ownLine = lineStart > array.range[0] && before.trim() === '';
  return splice(
    text,
    last.range[1],
    last.range[1],
    ownLine ? `,\n${before}${literal}` : `, ${literal}`,
  );
}

/** A new table at the end of the file, below a comment. */
export function appendTable(
  text: string,
  comment: string | undefined,
  path: readonly string[],
  values: Readonly<Record<string, string | boolean | readonly string[]>>,
): string {
  const lines = Object.entries(values).map(([key, value]) => {
    const literal = Array.isArray(value)
      ? `[${value.map((one) => JSON.stringify(one)).join(', ')}]`
      : JSON.stringify(value);
    return `${key} = ${literal}`;
  });
  const start = text === '' || text.endsWith('\n') ? text : `${text}\n`;
  const head = [...(comment === undefined ? [] : [`# ${comment}`]), `[${path.join('.')}]`];
  return `${start}${start === '' ? '' : '\n'}${[...head, ...lines].join('\n')}\n`;
}
