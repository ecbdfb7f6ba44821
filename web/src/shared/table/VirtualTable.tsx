// A long table: only the rows near the window are in the document. It is loaded when a table has become long.
import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import { TableFrame, type TableProps } from './TableFrame.tsx';

const OVERSCAN = 12;

export default function VirtualTable<Row>(props: TableProps<Row>) {
  const { rows, rowId, onEnd, rowHeight = 56 } = props;
  const body = useRef<HTMLTableSectionElement>(null);
  const [offset, setOffset] = useState(0);

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
  const isNearEnd = (items.at(-1)?.index ?? 0) >= rows.length - OVERSCAN - 1;
  const end = useRef(onEnd);
  end.current = onEnd;
  // biome-ignore lint/correctness/useExhaustiveDependencies: each page that arrives may leave the end near again
  useEffect(() => {
    if (isNearEnd) end.current?.();
  }, [isNearEnd, rows.length]);

  return (
    <TableFrame
      {...props}
      indexes={items.map(({ index }) => index)}
      before={(items[0]?.start ?? offset) - offset}
      after={virtualizer.getTotalSize() - ((items.at(-1)?.end ?? offset) - offset)}
      bodyRef={body}
      measure={virtualizer.measureElement}
    />
  );
}
