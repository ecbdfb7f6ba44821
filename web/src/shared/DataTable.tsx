// A table of any length: of a long one, only the rows near the window are in the document, and `onEnd` reads the next page
// when the last row comes near. `columns` describe the cells; `selection` adds a column of check boxes; a column with
// `hideBelow` is not shown in narrower windows. The rows scroll with the page. A list of useList fits: `rows={list.rows}`,
// `onEnd={list.more}`; ListView does that with all states.
import { lazy, Suspense, useEffect, useRef } from 'react';
import { TableFrame, type TableProps } from './table/TableFrame.tsx';
import type VirtualTableType from './table/VirtualTable.tsx';

export type { Column, Selection, TableProps } from './table/TableFrame.tsx';

const load = () => import('./table/VirtualTable.tsx');
const VirtualTable = lazy(load) as unknown as typeof VirtualTableType;

/** Shorter tables are in the document as a whole, so that the browser finds all of their text. */
const WHOLE = 60;

function WholeTable<Row>(props: TableProps<Row>) {
  const { rows, onEnd } = props;
  const indexes = rows.slice(0, WHOLE).map((_, index) => index);
  return (
    <TableFrame {...props} indexes={indexes}>
      {onEnd && <EndMark onEnd={onEnd} />}
    </TableFrame>
  );
}

/** Asks for the next page when it comes into the window. */
function EndMark({ onEnd }: { onEnd(): void }) {
  const mark = useRef<HTMLDivElement>(null);
  const end = useRef(onEnd);
  end.current = onEnd;
  useEffect(() => {
    const node = mark.current;
    if (!node) return;
    const observer = new IntersectionObserver(([entry]) => {
      if (!entry?.isIntersecting) return;
      // The next page makes the table long.
      void load();
      end.current();
    });
    observer.observe(node);
    return () => observer.disconnect();
  }, []);
  return <div ref={mark} />;
}

export function DataTable<Row>(props: TableProps<Row>) {
  if (props.rows.length <= WHOLE) return <WholeTable {...props} />;
  return (
    <Suspense fallback={<WholeTable {...props} />}>
      <VirtualTable {...props} />
    </Suspense>
  );
}
