// The TypeScript type of the values of a JSON Schema that is written out in code. What it does not understand is unknown.

/** The type of the values of a JSON Schema that is written out in code; `unknown` for what it does not understand. */
export type FromSchema<Schema, Depth extends readonly unknown[] = []> = Depth['length'] extends 16
  ? unknown
  : Schema extends { readonly const: infer Value }
    ? Value
    : Schema extends { readonly enum: readonly (infer Value)[] }
      ? Value
      : Schema extends { readonly nullable: true }
        ? unknown
        : Schema extends { readonly type: infer Type }
          ? Schema extends
              | { readonly anyOf: unknown }
              | { readonly oneOf: unknown }
              | { readonly allOf: unknown }
              | { readonly $ref: unknown }
            ? unknown
            : OfType<Type extends readonly (infer One)[] ? One : Type, Schema, [...Depth, 0]>
          : unknown;

type OfType<Type, Schema, Depth extends readonly unknown[]> = Type extends 'string'
  ? string
  : Type extends 'number' | 'integer'
    ? number
    : Type extends 'boolean'
      ? boolean
      : Type extends 'null'
        ? null
        : Type extends 'array'
          ? Schema extends { readonly items: infer Item }
            ? FromSchema<Item, Depth>[]
            : unknown[]
          : Type extends 'object'
            ? ObjectOf<Schema, Depth>
            : unknown;

type ObjectOf<Schema, Depth extends readonly unknown[]> = Schema extends {
  readonly properties: infer Properties;
}
  ? Members<
      Properties,
      Schema extends { readonly required: readonly (infer Name)[] } ? Name : never,
      Depth
    >
  : Schema extends { readonly additionalProperties: infer Value extends object }
    ? Record<string, FromSchema<Value, Depth>>
    : Record<string, unknown>;

type Members<Properties, Required, Depth extends readonly unknown[]> = {
  [Name in keyof Properties as Name extends Required ? Name : never]: FromSchema<
    Properties[Name],
    Depth
  >;
} & {
  [Name in keyof Properties as Name extends Required ? never : Name]?:
    | FromSchema<Properties[Name], Depth>
    | undefined;
};
