// The markup of a table: head, the rows with the given indexes, and space for those that are not in the document.
import { Checkbox } from '@mantine/core';
import type { ReactNode, Ref } from 'react';
import classes from './TableFrame.module.css';

export interface Column<Row> {
  id: string;
  header: ReactNode;
  cell(row: Row): ReactNode;
  /** Numbers are at the end. */
  align?: 'end';
  /** The window width below which the column is left out: sm is 768 px, md 992 px, lg 1200 px. */
  hideBelow?: 'sm' | 'md' | 'lg';
  /** A CSS width; without one the content decides. */
  width?: string | number;
}

export interface Selection {
  ids: ReadonlySet<string>;
  onChange(ids: ReadonlySet<string>): void;
  /** What one row is called, for the labels of the check boxes: `run`. */
  noun: string;
}

export interface TableProps<Row> {
  /** What the table lists, for screen readers. */
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowId(row: Row): string;
  /** Attributes of a row, such as `data-run`. */
  rowProps?(row: Row): Readonly<Record<`data-${string}`, string>>;
  onEnd?(): void;
  /** More rows are being read. */
  isReadingMore?: boolean;
  selection?: Selection;
  /** The usual height of a row in pixels. */
  rowHeight?: number;
}

interface FrameProps<Row> extends TableProps<Row> {
  /** The rows in the document. */
  indexes: readonly number[];
  /** The height in pixels of the rows before and after them. */
  before?: number;
  after?: number;
  bodyRef?: Ref<HTMLTableSectionElement>;
  measure?: (element: Element | null) => void;
  children?: ReactNode;
}

function Space({ height, width }: { height: number; width: number }) {
  if (height <= 0) return null;
  return (
    <tr className={classes.space}>
      <td colSpan={width} style={{ height }} />
    </tr>
  );
}

export function TableFrame<Row>(props: FrameProps<Row>) {
  const { label, columns, rows, rowId, rowProps, onEnd, isReadingMore, selection } = props;
  const { indexes, before = 0, after = 0, bodyRef, measure, children } = props;
  const width = columns.length + (selection ? 1 : 0);
  const selected = selection ? rows.filter((row) => selection.ids.has(rowId(row))).length : 0;
  const allSelected = rows.length > 0 && selected === rows.length;

  function toggle(id: string): void {
    if (!selection) return;
    const ids = new Set(selection.ids);
    if (!ids.delete(id)) ids.add(id);
    selection.onChange(ids);
  }

  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <section className={classes.wrap} aria-label={label} tabIndex={0}>
      <table className={classes.table} aria-rowcount={onEnd ? -1 : rows.length}>
        <thead>
          <tr>
            {selection && (
              <th scope="col" className={classes.check}>
                <Checkbox
                  aria-label={`Select all ${selection.noun}s in the list`}
                  checked={allSelected}
                  indeterminate={selected > 0 && !allSelected}
                  onChange={() =>
                    selection.onChange(new Set(allSelected ? [] : rows.map((row) => rowId(row))))
                  }
                />
              </th>
            )}
            {columns.map(({ id, header, align, hideBelow, width: cellWidth }) => (
              <th
                key={id}
                scope="col"
                data-align={align}
                data-hide={hideBelow}
                style={cellWidth === undefined ? undefined : { width: cellWidth }}
              >
                {header}
              </th>
            ))}
          </tr>
        </thead>
        <tbody ref={bodyRef}>
          <Space height={before} width={width} />
          {indexes.map((index) => {
            const row = rows[index];
            if (row === undefined) return null;
            const id = rowId(row);
            return (
              <tr
                key={id}
                data-index={index}
                aria-rowindex={index + 2}
                ref={measure}
                aria-selected={selection ? selection.ids.has(id) : undefined}
                {...rowProps?.(row)}
              >
                {selection && (
                  <td className={classes.check}>
                    <Checkbox
                      aria-label={`Select the ${selection.noun} ${id}`}
                      checked={selection.ids.has(id)}
                      onChange={() => toggle(id)}
                    />
                  </td>
                )}
                {columns.map((column) => (
                  <td key={column.id} data-align={column.align} data-hide={column.hideBelow}>
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
            );
          })}
          <Space height={after} width={width} />
        </tbody>
      </table>
      {isReadingMore && (
        <p className={classes.more} role="status">
          Reading more…
        </p>
      )}
      {children}
    </section>
  );
}
