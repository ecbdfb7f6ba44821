// The columns that a row of the audit log changed, with both values; every column of a row that was created or deleted.
export interface Change {
  column: string;
  before: unknown;
  after: unknown;
}

type Fields = Readonly<Record<string, unknown>>;
const fieldsOf = (row: unknown): Fields =>
  typeof row === 'object' && row !== null && !Array.isArray(row) ? (row as Fields) : {};

export function changesOf(row: {
  changed_columns: string[];
  old_row: unknown;
  new_row: unknown;
}): Change[] {
  const before = fieldsOf(row.old_row);
  const after = fieldsOf(row.new_row);
  const isUpdate = row.old_row !== null && row.new_row !== null;
  const columns = isUpdate
    ? row.changed_columns
    : [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return columns.map((column) => ({ column, before: before[column], after: after[column] }));
}

/** What verify_audit_log answered for the whole chain, in words. */
export interface Verdict {
  isIntact: boolean;
  text: string;
}

export interface VerifyPage {
  verified: boolean;
  seals: number;
  rows: number;
  dropped_rows: number;
  next_seq: number | null;
  problem: { code: string; seq: number; message: string } | null;
}

export function verdictOf(pages: readonly VerifyPage[]): Verdict {
  const problem = pages.find((page) => page.problem !== null)?.problem;
  if (problem) {
    return {
      isIntact: false,
      text: `The log was changed: ${problem.message} (${problem.code}, seal ${problem.seq}).`,
    };
  }
  const sum = (key: 'seals' | 'rows' | 'dropped_rows') =>
    pages.reduce((total, page) => total + page[key], 0);
  const dropped = sum('dropped_rows');
  const many = (total: number, noun: string) => `${total} ${noun}${total === 1 ? '' : 's'}`;
  const text = `The log is unchanged: its seals (${sum('seals')}) match ${many(sum('rows'), 'row')}.`;
  return {
    isIntact: true,
    text: dropped > 0 ? `${text} Retention has dropped ${many(dropped, 'row')}, as sealed.` : text,
  };
}

/** What people call the row: its name, address or title; undefined if it has only an id. */
export function nameOfRow(row: { old_row: unknown; new_row: unknown }): string | undefined {
  const fields = { ...fieldsOf(row.old_row), ...fieldsOf(row.new_row) };
  for (const column of ['kebab_name', 'name', 'email', 'url', 'scope', 'period']) {
    const value = fields[column];
    if (typeof value === 'string' && value !== '') return value;
  }
  return undefined;
}
