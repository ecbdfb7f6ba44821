// Lists in pages: a stable order by one column and the key, an opaque cursor, filters, and a bounded limit. The
// statement runs as the caller, so row-level security decides what the list contains.
import { z } from 'zod';
import type { Query } from '../_shared/db/pool.ts';
import { AppError } from '../_shared/errors/index.ts';
import { parseJson } from '../_shared/text/json-numbers.ts';
import type { Json } from './queries.ts';
import { columnNames, named, type RelationName, tableOf } from './rows.ts';

export const MAX_LIMIT = 200;
const DEFAULT_LIMIT = 50;

/** Adds a value to the statement and returns its placeholder. */
export type Bind = (value: unknown) => string;
/** A condition on the row `t`. */
export type Filter = (value: string, bind: Bind) => string;

export interface FilterSpec {
  schema: z.ZodType;
  where: Filter;
}

export interface ListSpec {
  table: RelationName;
  /** Default: all columns that clients read. */
  columns?: readonly string[];
  /** Further values of an item, as SQL over the row `t`. */
  also?: Readonly<Record<string, string>>;
  /** The columns that identify a row; default: id. */
  key?: readonly string[];
  /** Columns to order by, the default first; a leading `-` makes that one descend. */
  sorts: readonly [string, ...string[]];
  filters?: Readonly<Record<string, FilterSpec>>;
  /** Conditions that always apply. */
  where?: string;
}

/** The query parameters of a list. */
export function listQuery({ sorts, filters = {} }: Pick<ListSpec, 'sorts' | 'filters'>) {
  const names = [...new Set(sorts.flatMap((sort) => [plain(sort), `-${plain(sort)}`]))];
  return z.strictObject({
    ...Object.fromEntries(
      Object.entries(filters).map(([name, { schema }]) => [name, schema.optional()]),
    ),
    sort: z
      .enum(names as [string, ...string[]])
      .default(sorts[0])
      .describe('The column that orders the list; `-` in front of it means descending.'),
    limit: z.coerce.number<string | number>().int().min(1).max(MAX_LIMIT).default(DEFAULT_LIMIT),
    cursor: z
      .string()
      .max(2000)
      .optional()
      .describe('`next_cursor` of the page before. Repeat the other parameters.'),
  });
}

export interface Page {
  items: Json[];
  next_cursor: string | null;
}

/** The schema of a page whose items have the schema. */
export const pageOf = (name: string, item: () => z.ZodType) =>
  named(name, () =>
    z.object({
      items: z.array(item()),
      next_cursor: z
        .string()
        .nullable()
        .describe('Pass it as `cursor` to get the next page; null on the last one.'),
    }),
  );

const plain = (sort: string) => sort.replace(/^-/, '');

const CASTS: Readonly<Record<string, string>> = {
  uuid: 'uuid',
  time: 'timestamptz',
  smallint: 'bigint',
  integer: 'bigint',
  bigint: 'bigint',
};

type ListQuery = Readonly<Record<string, unknown>>;

interface ListStatement {
  text: string;
  values: unknown[];
  limit: number;
  sort: string;
  /** The columns that place a row in the list. */
  order: string[];
}

/** The statement of a page; it returns one row more than the page has. */
export function listStatement(spec: ListSpec, given: ListQuery): ListStatement {
  const values: unknown[] = [];
  const bind: Bind = (value) => {
    values.push(value);
    return `$${values.length}`;
  };
  const sort = String(given.sort ?? spec.sorts[0]);
  const limit = Number(given.limit ?? DEFAULT_LIMIT);
  const order = [plain(sort), ...(spec.key ?? ['id'])];
  const where = [
    ...(spec.where === undefined ? [] : [spec.where]),
    ...Object.entries(spec.filters ?? {}).flatMap(([name, { where: filter }]) =>
      given[name] === undefined ? [] : [filter(String(given[name]), bind)],
    ),
  ];
  const { columns } = tableOf(spec.table);
  // A row without the value has no place in the order.
  if (columns[plain(sort)]?.nullable) where.push(`t.${plain(sort)} is not null`);
  if (given.cursor !== undefined) {
    const after = readCursor(String(given.cursor), sort, order.length);
    const placed = order.map(
      (column, index) => `${bind(after[index])}::${CASTS[columns[column]?.type ?? ''] ?? 'text'}`,
    );
    const sign = sort.startsWith('-') ? '<' : '>';
    where.push(
      `(${order.map((column) => `t.${column}`).join(', ')}) ${sign} (${placed.join(', ')})`,
    );
  }
  const direction = sort.startsWith('-') ? 'desc' : 'asc';
  const selected = [
    ...(spec.columns ?? columnNames(spec.table)).map((column) => `t.${column}`),
    ...Object.entries(spec.also ?? {}).map(([name, sql]) => `${sql} as ${name}`),
  ];
  const text = `select to_jsonb(x) as value
     from (
       select ${selected.join(', ')}
       from stepbase.${spec.table} t
       ${where.length === 0 ? '' : `where ${where.join(' and ')}`}
       order by ${order.map((column) => `t.${column} ${direction}`).join(', ')}
       limit ${limit + 1}
     ) x`;
  return { text, values, limit, sort, order };
}

export async function readList(query: Query, spec: ListSpec, given: ListQuery): Promise<Page> {
  const { text, values, limit, sort, order } = listStatement(spec, given);
  const rows = await query<{ value: Json }>(text, values);
  const items = rows.slice(0, limit).map(({ value }) => value);
  const last = items.at(-1);
  return {
    items,
    next_cursor:
      rows.length > limit && last !== undefined
        ? writeCursor(
            sort,
            order.map((column) => last[column]),
          )
        : null,
  };
}

export const writeCursor = (sort: string, values: unknown[]): string =>
  writeText(JSON.stringify([sort, ...values]));

/** Text in the form of a cursor: base64url of its UTF-8 bytes. */
export function writeText(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

/** The text that writeText encoded; throws for other text. */
export function readText(cursor: string): string {
  const bytes = atob(cursor.replaceAll('-', '+').replaceAll('_', '/'));
  return new TextDecoder().decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)));
}

const Cursor = z.array(z.union([z.string(), z.number()]));

function readCursor(cursor: string, sort: string, length: number): (string | number)[] {
  try {
    const [of, ...values] = Cursor.parse(parseJson(readText(cursor)));
    if (of === sort && values.length === length) return values;
  } catch {
    // Reported below.
  }
  throw badCursor('cursor is not a next_cursor of a list in this order');
}

export const badCursor = (message: string) =>
  new AppError('invalid_request', message, {
    extra: { errors: [{ path: 'cursor', message: 'not of this list' }] },
  });

/** A filter for one value of a column. */
export function equal(
  table: RelationName,
  column: string,
  values?: readonly [string, ...string[]],
): FilterSpec {
  const type = tableOf(table).columns[column]?.type ?? 'text';
  const isFlag = type === 'boolean';
  return {
    schema: values
      ? z.enum(values)
      : isFlag
        ? z.enum(['true', 'false'])
        : type === 'uuid'
          ? z.uuid()
          : z.string().max(1000),
    where: (value, bind) => `t.${column} = ${bind(value)}::${isFlag ? 'boolean' : type}`,
  };
}
