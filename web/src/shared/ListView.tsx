// A list of useList with all its states: skeleton, error with retry, empty, rows, reading more.
// `<ListView list={list} label="Runs" columns={COLUMNS} rowId={…} empty={<EmptyState …/>} />`
import type { ReactNode } from 'react';
import { type Column, DataTable, type Selection } from './DataTable.tsx';
import { ErrorState, LoadingState } from './states.tsx';
import type { List } from './use-list.ts';

interface Props<Row> {
  list: List<Row>;
  label: string;
  columns: readonly Column<Row>[];
  rowId(row: Row): string;
  rowProps?(row: Row): Readonly<Record<`data-${string}`, string>>;
  empty: ReactNode;
  selection?: Selection;
  rowHeight?: number;
}

export function ListView<Row>({ list, empty, ...table }: Props<Row>) {
  const { rows, error } = list;
  return (
    <>
      {error && <ErrorState error={error} retry={list.refresh} />}
      {rows === undefined && !error && <LoadingState rows={8} />}
      {rows?.length === 0 && empty}
      {rows && rows.length > 0 && (
        <DataTable {...table} rows={rows} onEnd={list.more} isReadingMore={list.isReadingMore} />
      )}
    </>
  );
}
