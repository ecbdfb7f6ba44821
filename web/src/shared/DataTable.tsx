// A table of any length: only the rows near the window are in the document, and `onEnd` reads the next page when the last
// one comes near. `columns` describe the cells; `selection` adds a column of check boxes; a column with `hideBelow` is not
// shown in narrower windows. The rows scroll with the page. A list of useList fits: `rows={list.rows}`, `onEnd={list.more}`.
import { Checkbox } from '@mantine/core';
import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useEffect, useLayoutEffect, useRef, useState } from 'react';
import classes from './DataTable.module.css';

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

interface Props<Row> {
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

const OVERSCAN = 12;
/** Short tables are in the document as a whole, so that the browser finds all of their text. */
const WHOLE = 60;

export function DataTable<Row>(props: Props<Row>) {
  const { label, columns, rows, rowId, rowProps, onEnd, isReadingMore, selection } = props;
  const { rowHeight = 56 } = props;
  const body = useRef<HTMLTableSectionElement>(null);
  const [offset, setOffset] = useState(0);
  const isVirtual = rows.length > WHOLE;

  // Other parts of the page can move the table.
  useLayoutEffect(() => {
    const top = (body.current?.getBoundingClientRect().top ?? 0) + window.scrollY;
    setOffset((known) => (Math.abs(known - top) > 1 ? top : known));
  });

  const virtualizer = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => rowHeight,
    overscan: OVERSCAN,
    scrollMargin: offset,
    getItemKey: (index) => {
      const row = rows[index];
      return row === undefined ? index : rowId(row);
    },
  });
  const items = virtualizer.getVirtualItems();
  const indexes = isVirtual ? items.map(({ index }) => index) : rows.map((_, index) => index);
  const before = isVirtual ? Math.max(0, (items[0]?.start ?? offset) - offset) : 0;
  const after = isVirtual
    ? Math.max(0, virtualizer.getTotalSize() - ((items.at(-1)?.end ?? offset) - offset))
    : 0;

  const last = isVirtual ? (items.at(-1)?.index ?? 0) : rows.length - 1;
  const end = useRef(onEnd);
  end.current = onEnd;
  const isNearEnd = isVirtual && last >= rows.length - OVERSCAN - 1;
  // biome-ignore lint/correctness/useExhaustiveDependencies: each page that arrives may leave the end near again
  useEffect(() => {
    if (isNearEnd) end.current?.();
  }, [isNearEnd, rows.length]);

  const allSelected = rows.length > 0 && rows.every((row) => selection?.ids.has(rowId(row)));
  const someSelected = rows.some((row) => selection?.ids.has(rowId(row)));
  const width = columns.length + (selection ? 1 : 0);

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
                  indeterminate={someSelected && !allSelected}
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
        <tbody ref={body}>
          {before > 0 && (
            <tr className={classes.space}>
              <td colSpan={width} style={{ height: before }} />
            </tr>
          )}
          {indexes.map((index) => {
            const row = rows[index];
            if (row === undefined) return null;
            const id = rowId(row);
            return (
              <tr
                key={id}
                data-index={index}
                aria-rowindex={index + 2}
                ref={isVirtual ? virtualizer.measureElement : undefined}
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
          {after > 0 && (
            <tr className={classes.space}>
              <td colSpan={width} style={{ height: after }} />
            </tr>
          )}
        </tbody>
      </table>
      {isReadingMore && (
        <p className={classes.more} role="status">
          Reading more…
        </p>
      )}
      {!isVirtual && onEnd && <EndSentinel onEnd={onEnd} />}
    </section>
  );
}

/** Asks for the next page of a table that is shown as a whole. */
function EndSentinel({ onEnd }: { onEnd(): void }) {
  const mark = useRef<HTMLDivElement>(null);
  const end = useRef(onEnd);
  end.current = onEnd;
  useEffect(() => {
    const node = mark.current;
    if (!node) return;
    const observer = new IntersectionObserver(([entry]) => {
      if (entry?.isIntersecting) end.current();
    });
    observer.observe(node);
    return () => observer.disconnect();
  }, []);
  return <div ref={mark} />;
}
