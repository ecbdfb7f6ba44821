// The operations of a table that clients write themselves: list, create, get, change and delete. Row-level security and
// the constraints of the table decide; the permission is checked first, so that a caller without it gets 403.
import type { z } from 'zod';
import type { Query } from '../_shared/db/pool.ts';
import { AppError } from '../_shared/errors/index.ts';
import { toStorableJson } from '../_shared/text/storable.ts';
import { type FilterSpec, type ListSpec, listQuery, pageOf, readList } from './lists.ts';
import { type Operation, statement } from './operation.ts';
import type { Json } from './queries.ts';
import {
  columnNames,
  insertBody,
  type Overrides,
  type RelationName,
  type RowOptions,
  row,
  tableOf,
  updateBody,
} from './rows.ts';
import type { TableName } from './tables.ts';

export interface CrudSpec {
  table: TableName;
  /** The path of the list, `/v1/schedules`, and the parameter that names one row. */
  path: string;
  param: string;
  /** `Schedule`, `schedule`, `schedules`: the component, and the nouns of titles. */
  component: string;
  one: string;
  many: string;
  permissions: { read: string; write: string };
  sorts: ListSpec['sorts'];
  filters: Readonly<Record<string, FilterSpec>>;
  overrides?: Overrides;
  columns?: RowOptions;
  /** What a reader must know about each operation. */
  notes?: { list?: string; create?: string; change?: string; delete?: string };
  /** Rows are marked as deleted, because others refer to them. */
  isKept?: boolean;
}

const pascal = (text: string) =>
  text.replaceAll(/(?:^|\s)(\w)/g, (_, letter: string) => letter.toUpperCase());

export function crud(spec: CrudSpec): Operation[] {
  const { table, path, param, component, one, many, permissions, notes = {} } = spec;
  const columns = columnNames(table, spec.columns);
  const item = row(table, component, spec.columns);
  const list: ListSpec = {
    table,
    columns,
    sorts: spec.sorts,
    filters: spec.filters,
    ...(spec.isKept ? { where: 't.deleted_at is null' } : {}),
  };
  const single = { schema: item, description: `the ${one}` };
  const article = /^[aeiou]/.test(one) ? 'an' : 'a';
  return [
    statement(
      {
        id: `list${pascal(many)}`,
        method: 'GET',
        path,
        title: `List ${many}`,
        permission: permissions.read,
        description: notes.list ?? `Lists the ${many} of the application.`,
        query: listQuery(list),
        replies: {
          200: { description: 'one page', schema: pageOf(`${component}Page`, item) },
        },
        errors: [],
      },
      async (query, call) => ({ body: await readList(query, list, call.query) }),
    ),
    statement(
      {
        id: `create${pascal(one)}`,
        method: 'POST',
        path,
        title: `Create ${article} ${one}`,
        permission: permissions.write,
        description: notes.create ?? `Creates ${article} ${one} of the application.`,
        body: insertBody(table, spec.overrides),
        idempotency: 'stored',
        replies: { 201: { ...single, headers: { Location: `The address of the ${one}.` } } },
        errors: ['conflict'],
      },
      async (query, { body }) => {
        const made = await insertRow(query, table, columns, body);
        const name = path.split('/').at(-1);
        return { body: made, headers: { location: `${name}/${made.id}` } };
      },
    ),
    statement(
      {
        id: `get${pascal(one)}`,
        method: 'GET',
        path: `${path}/:${param}`,
        title: `Read ${article} ${one}`,
        permission: permissions.read,
        description: `Returns the ${one}.`,
        replies: { 200: single },
        errors: ['not_found'],
      },
      async (query, { params }) => ({
        body: found(one, await readRow(query, list, params[param] ?? '')),
      }),
    ),
    statement(
      {
        id: `update${pascal(one)}`,
        method: 'PATCH',
        path: `${path}/:${param}`,
        title: `Change ${article} ${one}`,
        permission: permissions.write,
        description: notes.change ?? `Changes the given columns of the ${one}.`,
        body: updateBody(table, spec.overrides),
        replies: { 200: single },
        errors: ['not_found', 'conflict', 'immutable'],
      },
      async (query, { params, body }) => ({
        body: found(one, await updateRow(query, list, params[param] ?? '', body)),
      }),
    ),
    statement(
      {
        id: `delete${pascal(one)}`,
        method: 'DELETE',
        path: `${path}/:${param}`,
        title: `Delete ${article} ${one}`,
        permission: permissions.write,
        description:
          notes.delete ??
          (spec.isKept
            ? `Marks the ${one} as deleted. Its name stays taken.`
            : `Deletes the ${one}.`),
        replies: { 204: { description: 'no content' } },
        errors: ['not_found', 'conflict'],
      },
      async (query, { params }) => {
        found(one, await deleteRow(query, list, params[param] ?? '', spec.isKept === true));
        return {};
      },
    ),
  ];
}

export function found<T>(what: string, value: T | undefined): T {
  if (value !== undefined) return value;
  throw new AppError('not_found', `The ${what} does not exist`);
}

/** A value as the driver sends it: JSON as text, everything else as it is. */
function sent(table: RelationName, column: string, value: unknown): unknown {
  const type = tableOf(table).columns[column]?.type;
  const isJson = type === 'json' || type === 'object' || type === 'array';
  if (!isJson) return value;
  // Null is the SQL value, as in PostgREST.
  return value === null ? null : toStorableJson(value);
}

type Body = z.output<z.ZodObject>;

export async function insertRow(
  query: Query,
  table: TableName,
  columns: readonly string[],
  body: Body,
): Promise<Json> {
  const names = Object.keys(body).filter((name) => body[name] !== undefined);
  const values = names.map((name) => sent(table, name, body[name]));
  const [made] = await query<{ value: Json }>(
    `with x as (
       insert into stepbase.${table} (${names.join(', ')})
       values (${names.map((_, index) => `$${index + 1}`).join(', ')})
       returning ${columns.join(', ')}
     )
     select to_jsonb(x) as value from x`,
    values,
  );
  return found('row', made).value;
}

export type RowSpec = Pick<ListSpec, 'table' | 'columns' | 'where'> & { key?: readonly string[] };

const columnsOf = ({ table, columns }: RowSpec) => columns ?? columnNames(table);
const oneRow = ({ key: [name = 'id'] = [], where }: RowSpec, placeholder: string) =>
  `t.${name} = ${placeholder}${where === undefined ? '' : ` and ${where}`}`;

export async function readRow(query: Query, spec: RowSpec, id: string): Promise<Json | undefined> {
  const [one] = await query<{ value: Json }>(
    `select to_jsonb(x) as value from (
       select ${columnsOf(spec)
         .map((column) => `t.${column}`)
         .join(', ')}
       from stepbase.${spec.table} t where ${oneRow(spec, '$1')}
     ) x`,
    [id],
  );
  return one?.value;
}

export async function updateRow(
  query: Query,
  spec: RowSpec,
  id: string,
  body: Body,
): Promise<Json | undefined> {
  const names = Object.keys(body).filter((name) => body[name] !== undefined);
  const [one] = await query<{ value: Json }>(
    `with x as (
       update stepbase.${spec.table} t
       set ${names.map((name, index) => `${name} = $${index + 2}`).join(', ')}
       where ${oneRow(spec, '$1')}
       returning ${columnsOf(spec)
         .map((column) => `t.${column}`)
         .join(', ')}
     )
     select to_jsonb(x) as value from x`,
    [id, ...names.map((name) => sent(spec.table, name, body[name]))],
  );
  return one?.value;
}

export async function deleteRow(
  query: Query,
  spec: RowSpec,
  id: string,
  isKept: boolean,
): Promise<unknown> {
  const rows = await query(
    isKept
      ? `update stepbase.${spec.table} t set deleted_at = now() where ${oneRow(spec, '$1')} returning 1`
      : `delete from stepbase.${spec.table} t where ${oneRow(spec, '$1')} returning 1`,
    [id],
  );
  return rows[0];
}
