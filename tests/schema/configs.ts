// Configs for a property test: valid ones, generated from their JSON Schema, and ones with a changed part.

import fc from 'fast-check';

export type JsonSchema = {
  type?: string | string[];
  enum?: unknown[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: JsonSchema | false;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  minimum?: number;
  maximum?: number;
};

/** PostgreSQL and JavaScript objects cannot store every JSON value. */
const isStorable = (json: string) => !json.includes('\\u0000') && !json.includes('__proto__');
const anything = fc
  .jsonValue({ maxDepth: 2, stringUnit: 'binary' })
  .filter((value) => isStorable(JSON.stringify(value)));

/** Text that the run-time checks accept, by key: other text would test only these checks. */
const FINE: Readonly<Record<string, string[]>> = {
  url: ['https://x.example/a', ' HTTP://x.example:80/?b#c '],
  to: ['ada@x.example', 'ada@x.example, Ada <ada@x.example>'],
  cc: ['ada@x.example'],
  bcc: ['ada@x.example'],
  from: ['ada@x.example'],
  reply_to: ['Ada <ada@x.example>'],
  until: ['2027-01-01T00:00:00Z', '2027-01-01'],
};

function text(
  { pattern, minLength = 0, maxLength }: JsonSchema,
  key: string,
): fc.Arbitrary<unknown> {
  if (FINE[key]) return fc.constantFrom(...FINE[key]);
  if (pattern !== undefined) {
    // fast-check cannot generate strings for a negative look-ahead.
    const wanted = new RegExp(pattern);
    return fc
      .stringMatching(new RegExp(pattern.replaceAll(/\(\?![^)]*\)/g, '')))
      .filter((value) => wanted.test(value));
  }
  const most = Math.min(maxLength ?? 20, 20);
  return fc
    .string({ unit: 'binary', minLength, maxLength: most })
    .filter((value) => isStorable(JSON.stringify(value)));
}

function number({ minimum, maximum }: JsonSchema, isWhole: boolean): fc.Arbitrary<unknown> {
  const min = minimum ?? -1e6;
  const max = maximum ?? 1e6;
  return isWhole
    ? fc.maxSafeInteger().map((n) => min + (Math.abs(n) % (Math.min(max, min + 1e12) - min + 1)))
    : fc.double({ min, max, noNaN: true });
}

function object(schema: JsonSchema): fc.Arbitrary<unknown> {
  const { properties = {}, required = [], additionalProperties } = schema;
  const choices = schema.oneOf ?? schema.anyOf ?? [{}];
  const oneOf = choices.map((choice) => {
    const keys = { ...properties, ...choice.properties };
    const others = choices.flatMap((other) => (other === choice ? [] : (other.required ?? [])));
    if (schema.oneOf) for (const key of others) delete keys[key];
    const fields = Object.entries(keys).map(([key, part]) => [key, configOf(part, key)]);
    return fc.record(Object.fromEntries(fields) as Record<string, fc.Arbitrary<unknown>>, {
      requiredKeys: [...required, ...(choice.required ?? [])],
    });
  });
  if (schema.properties) return fc.oneof(...oneOf);
  const key = fc.constantFrom('a', 'Content-Type', 'ü', '');
  return fc.dictionary(key, configOf(additionalProperties || {}), { maxKeys: 3 });
}

/** Values that a JSON Schema accepts, for a key of the config. */
function configOf(schema: JsonSchema, key = ''): fc.Arbitrary<unknown> {
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (schema.anyOf && !schema.properties)
    return fc.oneof(...schema.anyOf.map((option) => configOf(option, key)));
  const types = schema.type === undefined ? [] : [schema.type].flat();
  if (types.length === 0) return anything;
  const { minItems = 0, maxItems = 3 } = schema;
  const by: Record<string, () => fc.Arbitrary<unknown>> = {
    string: () => text(schema, key),
    integer: () => number(schema, true),
    number: () => number(schema, false),
    boolean: () => fc.boolean(),
    null: () => fc.constant(null),
    object: () => object(schema),
    array: () =>
      fc.array(configOf(schema.items ?? {}, key), {
        minLength: minItems,
        maxLength: Math.min(maxItems, 3),
      }),
  };
  return fc.oneof(...types.map((type) => (by[type] ?? (() => anything))()));
}

/** Values at the limits of a schema, and one beyond. */
function limits(schema: JsonSchema): unknown[] {
  const found: unknown[] = [];
  const around = (n: number | undefined) => (n === undefined ? [] : [n - 1, n, n + 1]);
  found.push(...around(schema.minimum), ...around(schema.maximum));
  for (const length of [...around(schema.minLength), ...around(schema.maxLength)]) {
    if (length >= 0) found.push('a'.repeat(length), '\u{1F600}'.repeat(length));
  }
  for (const length of [...around(schema.minItems), ...around(schema.maxItems)]) {
    if (length >= 0) found.push(new Array(length).fill(1), new Array(length).fill('a@x.example'));
  }
  const parts = [
    ...Object.values(schema.properties ?? {}),
    ...(schema.anyOf ?? []),
    ...(schema.oneOf ?? []),
  ];
  for (const part of parts) found.push(...limits(part));
  if (schema.items) found.push(...limits(schema.items));
  if (schema.additionalProperties) found.push(...limits(schema.additionalProperties));
  return found;
}

type Path = (string | number)[];

function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const parts = Object.entries(value).map(([key, part]) =>
    pathsOf(part, [...path, Array.isArray(value) ? Number(key) : key]),
  );
  return [path, ...parts.flat()];
}

type Change = { kind: 'remove' } | { kind: 'put'; value: unknown } | { kind: 'add'; key: string };

function changed(value: unknown, [key, ...rest]: Path, change: Change): unknown {
  if (key === undefined) {
    if (change.kind === 'put') return change.value;
    if (change.kind === 'remove') return null;
    return typeof value === 'object' ? { ...value, [change.key]: 1 } : value;
  }
  const copy: Record<string, unknown> | unknown[] = Array.isArray(value)
    ? [...value]
    : { ...(value as object) };
  const at = key as keyof typeof copy;
  if (rest.length === 0 && change.kind === 'remove') delete copy[at];
  else copy[at] = changed(copy[at], rest, change) as never;
  return Array.isArray(copy) ? copy.filter((part) => part !== undefined) : copy;
}

/** Valid configs, and ones with up to two parts removed, replaced (by values at the limits, too) or added. */
export function configsLike(schema: JsonSchema): fc.Arbitrary<unknown> {
  const change: fc.Arbitrary<Change> = fc.oneof(
    fc.constant<Change>({ kind: 'remove' }),
    fc.constantFrom('x', ...Object.keys(schema.properties ?? {})).map((key) => ({
      kind: 'add' as const,
      key,
    })),
    fc
      .oneof(
        anything,
        fc.constantFrom(null, '', ' ', 0, -1, 1.5, 2 ** 53, true, [], {}, 'GET', 'gEt', 'a\n'),
        fc.constantFrom(...limits(schema), null),
      )
      .map((value) => ({ kind: 'put' as const, value })),
  );
  const changes = fc.array(fc.tuple(fc.nat(), change), { maxLength: 2 });
  return fc.tuple(configOf(schema), changes).map(([config, all]) => {
    const value = all.reduce<unknown>((now, [place, one]) => {
      const paths = pathsOf(now);
      return changed(now, paths[place % paths.length] ?? [], one);
    }, config);
    return JSON.parse(JSON.stringify(value)) as unknown;
  });
}
