// Schemas of rows and of bodies that write rows, from the tables of the database (tables.ts). A row is returned as
// PostgREST returns it.
import { z } from 'zod';
import type { Column, Table } from './table.ts';
import { TABLES, type TableName } from './tables.ts';
import { VIEWS, type ViewName } from './views.ts';

export type RelationName = TableName | ViewName;

const RELATIONS: Readonly<Record<RelationName, Table>> = { ...TABLES, ...VIEWS };

export const tableOf = (name: RelationName): Table => RELATIONS[name];

const INT32 = 2_147_483_647;
const time = () => z.iso.datetime({ offset: true });

function schemaOfColumn({ type, minimum, pattern }: Column): z.ZodType {
  switch (type) {
    case 'uuid':
      return z.uuid();
    case 'text':
      return pattern === undefined ? z.string() : z.string().regex(new RegExp(pattern));
    case 'text[]':
      return z.array(z.string());
    case 'uuid[]':
      return z.array(z.uuid());
    case 'smallint':
      return z
        .number()
        .int()
        .min(minimum ?? -32_768)
        .max(32_767);
    case 'integer':
      return z
        .number()
        .int()
        .min(minimum ?? -INT32 - 1)
        .max(INT32);
    case 'bigint':
      return z.number().int();
    case 'number':
      return z.number();
    case 'boolean':
      return z.boolean();
    case 'json':
      return z.unknown();
    case 'object':
      return z.record(z.string(), z.unknown());
    case 'array':
      return z.array(z.unknown());
    case 'time':
      return time();
    case 'time[]':
      return z.array(time());
  }
}

/** A value as an answer has it: nothing that the database checks is stated again, so that old rows fit, too. */
function answered(column: Column): z.ZodType {
  const { pattern: _pattern, minimum: _minimum, ...plain } = column;
  const schema = column.type === 'json' ? z.unknown() : schemaOfColumn(plain);
  const given = column.nullable && column.type !== 'json' ? schema.nullable() : schema;
  return column.comment === undefined ? given : given.describe(column.comment);
}

export interface RowOptions {
  without?: readonly string[];
  only?: readonly string[];
  also?: Readonly<Record<string, z.ZodType>>;
}

const isKept = (name: string, { without = [], only }: RowOptions) =>
  (only === undefined || only.includes(name)) && !without.includes(name);

export const columnNames = (table: RelationName, options: RowOptions = {}): string[] =>
  Object.keys(tableOf(table).columns).filter((name) => isKept(name, options));

/** The component of the OpenAPI document with this name: a row of the table. */
export function row(
  table: RelationName,
  name: string,
  options: RowOptions = {},
): () => z.ZodObject {
  return named(name, () => {
    const { columns, comment } = tableOf(table);
    const kept = Object.entries(columns).filter(([column]) => isKept(column, options));
    return z
      .object({
        ...Object.fromEntries(kept.map(([column, facts]) => [column, answered(facts)])),
        ...options.also,
      })
      .describe(comment);
  });
}

/** Schemas that become components of the OpenAPI document, by their name. */
export const COMPONENTS = new Map<string, () => z.ZodType>();

export function named<T extends z.ZodType>(name: string, make: () => T): () => T {
  let schema: T | undefined;
  const get = () => {
    schema ??= make();
    return schema;
  };
  if (COMPONENTS.has(name)) throw new Error(`two schemas have the name ${name}`);
  COMPONENTS.set(name, get);
  return get;
}

export type Overrides = Readonly<Record<string, z.ZodType>>;

/** The body that creates a row: the columns that a client may insert, without those that the database fills. */
export function insertBody(table: TableName, overrides: Overrides = {}): () => z.ZodObject {
  const { columns, insert } = tableOf(table);
  return () => {
    const names = insert.filter((name) => name !== 'id' && name !== 'app_code');
    return z.strictObject(
      Object.fromEntries(
        names.map((name) => {
          const column = columns[name] ?? { type: 'json' };
          const schema = written(name, column, overrides);
          return [name, column.required ? schema : schema.optional()];
        }),
      ),
    );
  };
}

/** The body that changes a row: each column that a client may update, at least one. */
export function updateBody(table: TableName, overrides: Overrides = {}): () => z.ZodObject {
  const { columns, update } = tableOf(table);
  return () => {
    const names = update.filter((name) => name !== 'deleted_at' && name !== 'kebab_name');
    return z
      .strictObject(
        Object.fromEntries(
          names.map((name) => [
            name,
            written(name, columns[name] ?? { type: 'json' }, overrides).optional(),
          ]),
        ),
      )
      .refine((body) => Object.keys(body).length > 0, 'name at least one column')
      .meta({ minProperties: 1 });
  };
}

function written(name: string, column: Column, overrides: Overrides): z.ZodType {
  const schema = overrides[name] ?? schemaOfColumn(column);
  // Any JSON includes null.
  const given = column.nullable && column.type !== 'json' ? schema.nullable() : schema;
  return column.comment === undefined ? given : given.describe(column.comment);
}
