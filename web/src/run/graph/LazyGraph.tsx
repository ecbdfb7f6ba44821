// The graph, loaded when it is shown: React Flow and dagre are heavy.
import { Skeleton } from '@mantine/core';
import { type ComponentProps, lazy, Suspense } from 'react';

const Graph = lazy(async () => ({ default: (await import('./Graph.tsx')).Graph }));

export function LazyGraph(props: ComponentProps<typeof Graph>) {
  return (
    <Suspense fallback={<Skeleton height="100%" />}>
      <Graph {...props} />
    </Suspense>
  );
}
