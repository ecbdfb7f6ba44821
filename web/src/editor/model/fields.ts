// The fields of a step's config, from its JSON Schema: which control edits a value that is no expression.
import { isObject, type JsonObject } from './definition.ts';

export type FieldKind =
  | 'text'
  | 'number'
  | 'boolean'
  | 'choice'
  /** Milliseconds. */
  | 'duration'
  /** One name or several. */
  | 'names'
  | 'json'
  | 'jsonata'
  | 'javascript';

export interface Field {
  key: string;
  label: string;
  kind: FieldKind;
  isRequired: boolean;
  choices: string[];
  /** Shown as a placeholder. */
  fallback: string;
  minimum?: number;
  maximum?: number;
}

const LONG_TEXT = /^(text|html|description|system|prompt|body_text)$/;
export const isLongText = ({ key, kind }: Field): boolean => kind === 'text' && LONG_TEXT.test(key);

const typesOf = ({ type }: JsonObject): string[] =>
  Array.isArray(type) ? type.map(String) : typeof type === 'string' ? [type] : [];

/** The enum of the schema, or of one of its alternatives. */
function choicesOf(schema: JsonObject): string[] {
  const lists = [
    schema,
    ...[schema.anyOf, schema.oneOf].flatMap((list) => (Array.isArray(list) ? list : [])),
  ];
  for (const part of lists) {
    if (isObject(part) && Array.isArray(part.enum)) {
      const names = part.enum.filter((value): value is string => typeof value === 'string');
      if (names.length > 0) return names;
    }
    if (isObject(part) && typeof part.const === 'string') return [part.const];
  }
  // A pattern that lists words in any case, as the method of an HTTP request.
  const words =
    typeof schema.pattern === 'string'
      ? /^\^\(([[\]A-Za-z|]+)\)\$$/.exec(schema.pattern)?.[1]
      : undefined;
  if (words?.includes('|')) {
    return words.split('|').map((word) => word.replaceAll(/\[([A-Za-z])[A-Za-z]\]/g, '$1'));
  }
  return [];
}

function kindOf(key: string, schema: JsonObject, choices: readonly string[]): FieldKind {
  const types = typesOf(schema).filter((type) => type !== 'null');
  if (choices.length > 0) return 'choice';
  if (types.length === 0) return 'json';
  if (types.includes('object')) return 'json';
  if (types.includes('array')) return types.includes('string') ? 'names' : 'json';
  if (types.includes('string')) return 'text';
  if (types.includes('integer') || types.includes('number')) {
    return key === 'ms' || key.endsWith('_ms') ? 'duration' : 'number';
  }
  return types.includes('boolean') ? 'boolean' : 'json';
}

export const wordsOf = (key: string): string => {
  const text = key.replace(/_ms$/, '').replaceAll('_', ' ');
  return text === 'url' ? 'URL' : text.charAt(0).toUpperCase() + text.slice(1);
};

export function fieldsOf(schema: unknown, rawKeys: unknown): Field[] {
  if (!isObject(schema) || !isObject(schema.properties)) return [];
  const required = Array.isArray(schema.required) ? schema.required : [];
  const fields = Object.entries(schema.properties).map(([key, part]): Field => {
    const own = isObject(part) ? part : {};
    const raw = isObject(rawKeys) ? rawKeys[key] : undefined;
    const choices = choicesOf(own);
    return {
      key,
      label: typeof own.title === 'string' ? own.title : wordsOf(key),
      kind: raw === 'jsonata' || raw === 'javascript' ? raw : kindOf(key, own, choices),
      isRequired: required.includes(key),
      choices,
      fallback:
        own.default === undefined
          ? ''
          : typeof own.default === 'string'
            ? own.default
            : JSON.stringify(own.default),
      ...(typeof own.minimum === 'number' ? { minimum: own.minimum } : {}),
      ...(typeof own.maximum === 'number' ? { maximum: own.maximum } : {}),
    };
  });
  return [
    ...fields.filter(({ isRequired }) => isRequired),
    ...fields.filter(({ isRequired }) => !isRequired),
  ];
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
  ['ms', 1],
] as const;

/** `90000` as `1min 30s`. */
export function durationText(ms: number): string {
  let left = ms;
  const parts: string[] = [];
  for (const [unit, size] of UNITS) {
    const n = Math.floor(left / size);
    if (n > 0) parts.push(`${n}${unit}`);
    left -= n * size;
  }
  return parts.join(' ') || '0s';
}

/** `1h 30min`, `2 d`, `250` (milliseconds); undefined: not a duration. */
export function parseDuration(text: string): number | undefined {
  const trimmed = text.trim();
  if (/^\d+$/.test(trimmed)) return Number(trimmed);
  let total = 0;
  const rest = trimmed.replaceAll(
    /(\d+(?:\.\d+)?)\s*(ms|min|[dhsm])\b\s*/g,
    (_all, n: string, unit: string) => {
      const size = UNITS.find(([name]) => name === (unit === 'm' ? 'min' : unit))?.[1] ?? 0;
      total += Number(n) * size;
      return '';
    },
  );
  return trimmed === '' || rest !== '' ? undefined : Math.round(total);
}
