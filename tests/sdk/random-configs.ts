// Random configs: values by the schemas of the step types, and texts with templates in each form.

import fc from 'fast-check';
import type { StepType } from '../../functions/_shared/step-types/define.ts';
import { stepTypes } from '../../functions/_shared/step-types/index.ts';
import { type JsonSchema, toJsonSchema } from '../../scripts/step-types/json-schema.ts';

export type Json = Record<string, unknown>;

export const IDS = [
  'fetch',
  'fetch_order',
  'my-step',
  'Order',
  'class',
  'a1',
  'step',
  'w',
  'x_y-z',
  'ship',
];

const names = fc.constantFrom(
  'id',
  'total',
  'customer',
  'my-name',
  'and',
  'error',
  'toString',
  '404',
);

/** Paths as people write them, some of which no reference expresses. */
const path = fc
  .tuple(
    fc.constantFrom(
      'input',
      'run.id',
      'item',
      'index',
      'secrets.shop_key',
      ...IDS.flatMap((id) => {
        const step = id.includes('-') ? `steps.\`${id}\`` : `steps.${id}`;
        return [`${step}.output`, `${step}.output.body`, `${step}.output.error`, step];
      }),
    ),
    fc.array(names, { maxLength: 3 }),
    fc.constantFrom('', '', '', '[0].id', '.$string()', '.(price * quantity)'),
  )
  .map(
    ([root, more, end]) =>
      `${root}${more.map((name) => (/^[a-z]\w*$/i.test(name) ? `.${name}` : `.\`${name}\``)).join('')}${end}`,
  );

export const jsonata = fc.oneof(
  path,
  path.map((one) => `$sum(${one}) > 100`),
  fc.tuple(path, path).map(([one, other]) => `$exists(${one}) ? ${one} : {"a": {"b": ${other}}}`),
  path.map((one) => `$match(${one}, /\\d+\\.\\w/) & "a\\n\${b}" & '\`'`),
  path.map((one) => `(\n  $x := ${one};\n  $x\n)`),
  fc.constantFrom("'large'", 'true', '"steps.fetch.output"', '1 + 1', '\\'),
);

const templates = fc.oneof(
  jsonata.map((one) => `{{ ${one} }}`),
  jsonata.map((one) => `{{${one}}}`),
  fc.tuple(jsonata, jsonata).map(([one, other]) => `{{ ${one} }}{{ ${other} }}`),
  fc.tuple(fc.string({ unit: 'binary' }), jsonata).map(([text, one]) => `${text}{{ ${one} }}\n`),
  fc.constantFrom(
    '{{',
    '{{ }}',
    '{{  input.a }}',
    '{{ input.a}}',
    'a {{ input.`b` }} `$\u007bc}` \\',
  ),
);

export const plain = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.constantFrom(
    '',
    "it's",
    '`',
    '$\u007bx}',
    '\\',
    '\\`',
    '\r\n',
    '\u2028',
    'two\nlines\n',
    'input.a',
  ),
);

export const texts = fc.oneof({ weight: 2, arbitrary: plain }, templates);

const keys = fc.oneof(plain, fc.constantFrom('a', 'content-type', '__proto__', 'constructor'));

/** fromEntries defines __proto__ as a key of its own. */
const record = (value: fc.Arbitrary<unknown>) =>
  fc.array(fc.tuple(keys, value), { maxLength: 3 }).map((entries) => Object.fromEntries(entries));

export const json: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    texts,
    fc.integer(),
    fc.constantFrom(true, false, null, 0.1, -0.5, 1e21),
    fc.array(tie('value'), { maxLength: 3 }),
    record(tie('value')),
  ),
})).value;

const formSchema = fc.constantFrom<unknown>(
  {},
  true,
  { type: 'object', properties: { '{{ input.a }}': { type: 'string' } } },
  { type: 'object', title: '{{ input.a }}' },
  {
    type: 'object',
    required: ['id'],
    properties: {
      id: { type: 'string' },
      total: { type: ['number', 'null'] },
      customer: { type: ['object', 'null'], properties: { id: { enum: ['a', 1, null] } } },
      error: { anyOf: [{ type: 'string' }, { type: 'object', properties: { id: {} } }] },
      list: { type: 'array', items: { type: 'object', properties: { id: { type: 'integer' } } } },
    },
  },
);

/** Values that the schema accepts, besides lengths and patterns. */
function valueFor(schema: JsonSchema): fc.Arbitrary<unknown> {
  const types = [schema.type ?? []].flat() as string[];
  if (Array.isArray(schema.enum)) return fc.constantFrom(...(schema.enum as unknown[]));
  if ('const' in schema) return fc.constant(schema.const);
  if (types.length === 0 && Array.isArray(schema.anyOf)) {
    return fc.oneof(...(schema.anyOf as JsonSchema[]).map(valueFor));
  }
  if (types.length === 0) return json;
  return fc.oneof(...types.map((type) => ofType(type, schema)), {
    weight: schema.properties === undefined ? 2 : 0,
    arbitrary: templates,
  });
}

function ofType(type: string, schema: JsonSchema): fc.Arbitrary<unknown> {
  switch (type) {
    case 'integer':
      return fc.integer();
    case 'number':
      return fc.double({ noNaN: true, noDefaultInfinity: true });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array':
      return fc.array(valueFor((schema.items ?? {}) as JsonSchema), { maxLength: 3 });
    case 'object':
      return objectOf(schema);
    default:
      return texts;
  }
}

function objectOf(schema: JsonSchema): fc.Arbitrary<Json> {
  const {
    properties,
    required = [],
    oneOf,
    anyOf,
    additionalProperties,
  } = schema as {
    properties?: Record<string, JsonSchema>;
    required?: string[];
    oneOf?: { required: string[] }[];
    anyOf?: { required: string[] }[];
    additionalProperties?: JsonSchema;
  };
  if (properties === undefined) return record(valueFor(additionalProperties ?? {}));
  const choices = (oneOf ?? anyOf ?? []).map((choice) => choice.required[0] ?? '');
  const chosen =
    choices.length === 0
      ? fc.constant<string[]>([])
      : fc.subarray(choices, { minLength: 1, maxLength: oneOf ? 1 : choices.length });
  return chosen.chain((always) => {
    const model = Object.fromEntries(
      Object.entries(properties)
        .filter(([key]) => !choices.includes(key) || always.includes(key))
        .map(([key, part]) => [
          key,
          key === 'form' || key === 'response_schema'
            ? fc.oneof(formSchema, valueFor(part))
            : valueFor(part),
        ]),
    );
    return fc.record(model, { requiredKeys: [...required, ...always] }) as fc.Arbitrary<Json>;
  });
}

const schemas = new Map(stepTypes.map((type) => [type.name, toJsonSchema(type.config)]));

const expressions = fc.oneof(jsonata, plain);

export function configOf({ name }: StepType): fc.Arbitrary<Json> {
  if (name === 'transform' || name === 'condition') return fc.record({ expression: expressions });
  if (name === 'for_each') return forEach;
  return objectOf(schemas.get(name) ?? {});
}

export const partOf = (admits: (type: StepType) => boolean): fc.Arbitrary<Json> =>
  fc
    .constantFrom(...stepTypes.filter(admits))
    .chain((type) => fc.record({ type: fc.constant(type.name), config: configOf(type) }));

const forEach: fc.Arbitrary<Json> = fc.record(
  {
    items: fc.oneof(
      fc.array(json, { maxLength: 3 }),
      jsonata.map((one) => `{{ ${one} }}`),
    ),
    concurrency: fc.oneof(fc.integer(), templates),
    step: partOf(({ allowedInForEach }) => allowedInForEach),
  },
  { requiredKeys: ['items', 'step'] },
);
