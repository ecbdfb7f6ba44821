// The picture of a definition, loaded when it is shown, and its steps in words for people who do not see it.
import { Skeleton, VisuallyHidden } from '@mantine/core';
import { lazy, Suspense } from 'react';
import type { GraphProps } from './DefinitionGraph.tsx';

const DefinitionGraph = lazy(() => import('./DefinitionGraph.tsx'));

export function LazyGraph(props: GraphProps) {
  return (
    <>
      <Suspense fallback={<Skeleton height={props.isTall ? 420 : 300} />}>
        <DefinitionGraph {...props} />
      </Suspense>
      <VisuallyHidden>
        Steps: {props.definition.nodes.map(({ label }) => label).join(', ')}.
      </VisuallyHidden>
    </>
  );
}
