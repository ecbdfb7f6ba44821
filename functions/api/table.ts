// A table as signed-in users reach it through the API; tables.ts lists them.

export interface Column {
  type:
    | 'uuid'
    | 'text'
    | 'text[]'
    | 'uuid[]'
    | 'smallint'
    | 'integer'
    | 'bigint'
    | 'number'
    | 'boolean'
    | 'json'
    | 'object'
    | 'array'
    | 'time'
    | 'time[]';
  nullable?: true;
  /** An insert must name it. */
  required?: true;
  pattern?: string;
  minimum?: number;
  comment?: string;
}

export interface Table {
  comment: string;
  columns: Readonly<Record<string, Column>>;
  insert: readonly string[];
  update: readonly string[];
}
