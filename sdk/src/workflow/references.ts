// The types of references: an upstream output is an expression whose properties are expressions, so that a misspelt name
// does not compile.

declare const resultOf: unique symbol;

/** A JSONata expression with the type of its value. */
export interface Expression<out T = unknown> {
  /** Exists in types only. */
  readonly [resultOf]: () => T;
}

/**
 * A reference to a value of a run. It has the properties of the value, and stands in a config as it is, in text as
 * `${reference}`, and in an expression as expr`${reference}`.
 */
export type Ref<T> = [T] extends [never]
  ? Expression<T>
  : Expression<T> & RefMembers<NonNullable<T>>;

type RefMembers<T> = T extends readonly unknown[]
  ? unknown
  : T extends object
    ? { readonly [K in keyof T]-?: Ref<T[K]> }
    : unknown;

/** Data of your own, such as the body of a request: each part may be an expression. */
export type Data =
  | string
  | number
  | boolean
  | null
  | undefined
  | Expression<unknown>
  | readonly Data[]
  | { readonly [key: string]: Data };

/** A config of which each part may be an expression with a value of the right type. */
export type Templated<T> = unknown extends T ? Data : Expression<T> | TemplatedPart<T>;

type TemplatedPart<T> = T extends readonly (infer Item)[]
  ? readonly Templated<Item>[]
  : T extends object
    ? TemplatedObject<T>
    : T;

/** A config as a whole is an object. */
export type TemplatedObject<T> = T extends unknown
  ? { readonly [K in keyof T]: Templated<T[K]> }
  : never;
