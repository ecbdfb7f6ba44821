// Schemas of inputs, forms and answers: from zod and other libraries of Standard JSON Schema, from JSON Schema, or from a type.

import { DefinitionError } from './errors.ts';
import { isObject, type JsonObject } from './json.ts';
import type { FromSchema } from './json-schema-types.ts';

/** The part of Standard Schema and Standard JSON Schema that this package reads. */
export interface Schema<Input = unknown, Output = unknown> {
  /** The members that Standard Schema prescribes. */
  readonly '~standard': {
    readonly vendor: string;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

interface Conversion {
  readonly target: string;
  readonly libraryOptions?: Readonly<Record<string, unknown>>;
}

export type InputOf<S extends Schema> = NonNullable<S['~standard']['types']>['input'];
type OutputOf<S extends Schema> = NonNullable<S['~standard']['types']>['output'];

/**
 * Refuses a schema that JSON Schema cannot express, in the type: values that are not JSON, such as a Date, and transforms,
 * which the engine would not apply.
 */
export type Expressible<S extends Schema> = [NotJson<InputOf<S>>] extends [never]
  ? [OutputOf<S>] extends [InputOf<S>]
    ? unknown
    : { readonly 'the schema transforms its value, which JSON Schema cannot express': never }
  : { readonly 'JSON Schema cannot express': NotJson<InputOf<S>> };

type NotJson<T, Depth extends readonly unknown[] = []> = Depth['length'] extends 8
  ? never
  : unknown extends T
    ? never
    : T extends string | number | boolean | null | undefined
      ? never
      : T extends bigint | symbol | Date | Map<unknown, unknown> | Set<unknown> | Callable
        ? T
        : T extends readonly (infer Item)[]
          ? NotJson<Item, [...Depth, 0]>
          : { [K in keyof T]-?: NotJson<T[K], [...Depth, 0]> }[keyof T];

type Callable = (...values: never[]) => unknown;

const DECLARED = 'stepbase';

function declared<T>(schema: JsonObject | undefined): Schema<T, T> {
  const convert = () => schema;
  const jsonSchema = { input: convert, output: convert };
  return { '~standard': { version: 1, vendor: DECLARED, jsonSchema } } as Schema<T, T>;
}

/** Any JSON Schema. Written out in place, it also gives the type of its values. */
export function jsonSchema<const S extends object>(
  schema: S,
): Schema<FromSchema<S>, FromSchema<S>> {
  return declared(schema as unknown as JsonObject);
}

/** A type that you know, for a schema that the workflow does not store: shape<Order>(). With a JSON Schema, it is stored. */
export function shape<T>(schema?: JsonObject): Schema<T, T> {
  return declared(schema);
}

export function isSchema(value: unknown): value is Schema {
  return (
    (typeof value === 'object' || typeof value === 'function') &&
    value !== null &&
    '~standard' in value &&
    isObject(value['~standard'])
  );
}

/** undefined: the schema is a type only. */
export function jsonSchemaOf(schema: Schema): JsonObject | undefined {
  const { vendor, ...standard } = schema['~standard'];
  const { jsonSchema: converter } = standard as {
    jsonSchema?: { input: (options: Conversion) => JsonObject | undefined };
  };
  if (converter === undefined) {
    const message = `${vendor} schemas have no JSON Schema here: use a version that implements Standard JSON Schema (zod 4.2 or newer), or jsonSchema({ … })`;
    throw new DefinitionError('invalid_schema', message);
  }
  const libraryOptions = vendor === 'zod' ? { libraryOptions: ZOD_OPTIONS } : {};
  const converted = attempt(vendor, () =>
    converter.input({ target: 'draft-2020-12', ...libraryOptions }),
  );
  if (converted === undefined || vendor === DECLARED) return converted;
  const { $schema: _version, ...rest } = converted;
  return rest;
}

function attempt<T>(vendor: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof DefinitionError) throw error;
    const message = `JSON Schema cannot express the ${vendor} schema: ${error instanceof Error ? error.message : String(error)}`;
    throw new DefinitionError('invalid_schema', message);
  }
}

interface ZodSchema {
  readonly _zod: { readonly def: { readonly type: string; readonly checks?: readonly ZodCheck[] } };
}

interface ZodCheck {
  readonly _zod: { readonly def: { readonly check: string } };
}

/** zod leaves out refinements and transforms without an error; the engine would accept what they refuse. */
const ZOD_OPTIONS = {
  unrepresentable: 'throw',
  override({ zodSchema, path }: { zodSchema: ZodSchema; path: readonly (string | number)[] }) {
    const { type, checks = [] } = zodSchema._zod.def;
    const refused = ['transform', 'pipe', 'catch', 'custom'].includes(type)
      ? type
      : checks.some(({ _zod }) => ['custom', 'overwrite'].includes(_zod.def.check))
        ? 'refinement or transform'
        : undefined;
    if (refused === undefined) return;
    const place = path.length === 0 ? '' : ` at ${path.join('.')}`;
    const message = `JSON Schema cannot express the ${refused} of the zod schema${place}; use jsonSchema({ … })`;
    throw new DefinitionError('invalid_schema', message);
  },
};
