// Standard Schema (https://standardschema.dev): what zod, valibot and ArkType have in common.

/** A schema of zod, valibot, ArkType or another library that implements Standard Schema. */
export interface StandardSchema<Input = unknown, Output = Input> {
  /** The members that Standard Schema prescribes. */
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => Result<Output> | Promise<Result<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

type Result<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly Issue[] };

interface Issue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** The value as the schema returns it, or a text with its faults. */
export async function validate<T>(
  schema: StandardSchema<unknown, T> | undefined,
  value: unknown,
): Promise<{ value: T } | { faults: string }> {
  if (schema === undefined) return { value: value as T };
  const result = await schema['~standard'].validate(value);
  if (result.issues === undefined) return { value: result.value };
  return { faults: result.issues.map(describe).join('; ') };
}

function describe({ message, path = [] }: Issue): string {
  const keys = path.map((part) => String(typeof part === 'object' ? part.key : part));
  return keys.length === 0 ? message : `${keys.join('.')}: ${message}`;
}
