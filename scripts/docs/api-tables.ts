// functions/api/tables.ts: the columns of each table that the HTTP API serves, from supabase/schema.snapshot.sql. The
// rows of answers, the bodies that create and change rows, and the columns that a client may write come from there.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Column, Table } from '../../functions/api/table.ts';
import { ROOT } from '../stack/options.ts';

export const API_TABLES_PATH = 'functions/api/tables.ts';

const TYPES: Readonly<Record<string, Column['type']>> = {
  uuid: 'uuid',
  text: 'text',
  'text[]': 'text[]',
  'uuid[]': 'uuid[]',
  smallint: 'smallint',
  integer: 'integer',
  bigint: 'bigint',
  'double precision': 'number',
  numeric: 'number',
  date: 'text',
  boolean: 'boolean',
  jsonb: 'json',
  'timestamp with time zone': 'time',
  xid8: 'text',
  'timestamp with time zone[]': 'time[]',
};

/** Tables that clients cannot reach, or that hold only the values of another column. */
const LEFT_OUT =
  /^(error_codes|outbox|run_context|workflow_(edges|nodes|version_checks))$|_(statuses|visibility|policies|orderings)$|(?<!^step)_types$/;

const COLUMN =
  /^ {2}(\w+) (uuid\[\]|uuid|text\[\]|text|smallint|integer|bigint|double precision|numeric|date|boolean|jsonb|xid8|timestamp with time zone(?:\[\])?)( not null)?( default| generated)?.*?(?: -- (.*))?$/;

function columnsOf(body: string): Record<string, Column> {
  const columns: Record<string, Column> = {};
  for (const line of body.split('\n')) {
    if (line.startsWith('  constraint ')) {
      addRule(columns, line);
      continue;
    }
    const [found, name = '', type = '', notNull, filled, comment] = COLUMN.exec(line) ?? [];
    const kind = TYPES[type];
    if (found === undefined || kind === undefined) continue;
    columns[name] = {
      type: kind,
      ...(notNull ? {} : { nullable: true as const }),
      ...(notNull && !filled ? { required: true as const } : {}),
      ...(comment ? { comment } : {}),
    };
  }
  return columns;
}

/** Rules of one column that a JSON Schema can state: the kind of JSON, a pattern, a number above zero. */
function addRule(columns: Record<string, Column>, line: string): void {
  const [, json, kind] =
    /CHECK \(\(jsonb_typeof\((\w+)\) = '(object|array)'::text\)\)/.exec(line) ?? [];
  const [, text, pattern] = /CHECK \(\((\w+) ~ '([^']+)'::text\)\)/.exec(line) ?? [];
  const [, number, sign] = /CHECK \(\((\w+) (>=?) 0\)\)/.exec(line) ?? [];
  const change = (name: string | undefined, rule: Partial<Column>) => {
    const column = name === undefined ? undefined : columns[name];
    if (column) Object.assign(column, rule);
  };
  change(json, { type: kind === 'object' || kind === 'array' ? kind : 'json' });
  if (pattern !== undefined) change(text, { pattern });
  change(number, { minimum: sign === '>' ? 1 : 0 });
}

/** The columns of one privilege in the grants to signed-in users; all of the table's when it names none. */
function granted(grants: string, privilege: string, all: string[]): string[] {
  const [found, names] =
    new RegExp(`\\b${privilege}(?: \\(([^)]*)\\))?(?=,| on )`).exec(grants) ?? [];
  if (found === undefined) return [];
  return names === undefined ? all : names.split(', ');
}

function tablesOf(snapshot: string): Record<string, Table> {
  const tables: Record<string, Table> = {};
  for (const [, name = '', body = ''] of snapshot.matchAll(
    /^create table stepbase\.(\w+) \(\n([\s\S]*?)\n\)[^\n]*;$/gm,
  )) {
    if (LEFT_OUT.test(name)) continue;
    const [, comment = ''] =
      new RegExp(`^comment on table stepbase\\.${name} is '((?:[^']|'')*)';$`, 'm').exec(
        snapshot,
      ) ?? [];
    const [grants = ''] =
      new RegExp(`^grant .* on stepbase\\.${name} to authenticated;$`, 'm').exec(snapshot) ?? [];
    const columns = columnsOf(body);
    const readable = granted(grants, 'select', Object.keys(columns));
    tables[name] = {
      comment: comment.replaceAll("''", "'"),
      columns: Object.fromEntries(
        Object.entries(columns).filter(([key]) => readable.includes(key)),
      ),
      insert: granted(grants, 'insert', []),
      update: granted(grants, 'update', []),
    };
  }
  return tables;
}

/** One line for each column and each table, which the formatter keeps where they fit. */
function literal(tables: Record<string, Table>): string {
  const inner = (table: Table) =>
    Object.entries(table.columns)
      .map(([name, column]) => `${name}: ${JSON.stringify(column)},`)
      .join('\n');
  const outer = Object.entries(tables).map(
    ([name, table]) =>
      `${name}: {\ncomment: ${JSON.stringify(table.comment)},\ncolumns: {\n${inner(table)}\n},\n` +
      `insert: ${JSON.stringify(table.insert)},\nupdate: ${JSON.stringify(table.update)},\n},`,
  );
  return `{\n${outer.join('\n')}\n}`;
}

export function apiTablesFile(): string {
  const snapshot = readFileSync(join(ROOT, 'supabase', 'schema.snapshot.sql'), 'utf8');
  const source = `// Generated by \`npm run docs\` from supabase/schema.snapshot.sql. Do not edit.
// The tables that signed-in users reach: their readable columns, and those that they may insert and update.

import type { Table } from './table.ts';

export const TABLES = ${literal(tablesOf(snapshot))} as const satisfies Readonly<Record<string, Table>>;

export type TableName = keyof typeof TABLES;
`;
  return execFileSync(
    join(ROOT, 'node_modules', '.bin', 'biome'),
    ['format', `--stdin-file-path=${API_TABLES_PATH}`],
    { cwd: ROOT, input: source, encoding: 'utf8' },
  );
}
