// Inputs of runs, without React: the one with which a form begins, recent ones without repetitions, and a line that
// tells two of them apart.
import { exampleOf } from '../../../functions/_shared/expressions/schema-example.ts';
import type { Json as Nullable } from '../../../types/database.ts';

type Json = NonNullable<Nullable>;

const isRecord = (value: unknown): value is Record<string, Json> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The example of the schema; without one an empty object, to which the form adds the defaults. */
export function firstInput(schema: Json | null): Json {
  const example = exampleOf(schema);
  return isRecord(example) ? example : {};
}

/** The inputs that the schema gives as examples for the whole value. */
export function examplesOf(schema: Json | null): Json[] {
  return isRecord(schema) && Array.isArray(schema.examples)
    ? schema.examples.filter((each) => isRecord(each))
    : [];
}

const text = (value: Json | undefined): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? '');

/** "order_id 1003, email alan@…": values that are the same in all of the others are left out. */
export function summaryOf(input: Json, others: readonly Json[] = []): string {
  if (!isRecord(input)) return text(input);
  const entries = Object.entries(input);
  const telling = entries.filter(([key, value]) =>
    others.some((other) => !isRecord(other) || text(other[key]) !== text(value)),
  );
  const shown = telling.length > 0 ? telling : entries;
  if (shown.length === 0) return 'Empty input';
  return shown.map(([key, value]) => `${key} ${text(value)}`).join(', ');
}

/** The same input with its keys in one order, to find repetitions. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    isRecord(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

/** The first of each group of equal inputs, at most `limit`. */
export function distinctInputs<Row extends { input: Json }>(
  rows: readonly Row[],
  limit: number,
): Row[] {
  const seen = new Set<string>();
  return rows
    .filter(({ input }) => {
      const key = canonical(input);
      return !seen.has(key) && seen.add(key);
    })
    .slice(0, limit);
}
