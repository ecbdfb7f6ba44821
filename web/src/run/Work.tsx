// The graph, and beside it the timeline or the panel of the chosen step. In a narrow window one of the first two is
// shown, and the panel is a drawer.
import { Drawer } from '@mantine/core';
import { type CSSProperties, useMemo } from 'react';
import type { StepTexts } from '../../../sdk/src/live/index.ts';
import type { RunSnapshot } from '../shared/use-run.ts';
import type { Explanation } from './explanation.ts';
import { LazyGraph } from './graph/LazyGraph.tsx';
import { roomOf } from './room.ts';
import classes from './run.module.css';
import { StepPanel } from './step/StepPanel.tsx';
import { Timeline } from './timeline/Timeline.tsx';

interface Props {
  snapshot: RunSnapshot;
  explanation: Explanation | undefined;
  texts: StepTexts;
  hasEnded: boolean;
  chosen: string | undefined;
  isNarrow: boolean;
  /** What a narrow window shows. */
  part: 'graph' | 'timeline';
  onChoose(stepId: string | undefined): void;
  onRerun(from: string): void;
}

/** The focus returns to the step in the graph, from where the panel was opened. */
function focusStep(stepId: string): void {
  requestAnimationFrame(() => {
    const step = document.querySelector<HTMLElement>(`[data-step="${CSS.escape(stepId)}"]`);
    step?.focus({ preventScroll: true });
  });
}

export function Work(props: Props) {
  const { snapshot, explanation, texts, hasEnded, chosen, isNarrow, part, onChoose, onRerun } =
    props;
  const { run, nodes, edges, steps } = snapshot;

  function close(): void {
    onChoose(undefined);
    if (chosen !== undefined) focusStep(chosen);
  }

  const graph = (
    <LazyGraph
      nodes={nodes}
      edges={edges}
      steps={steps}
      hasEnded={hasEnded}
      chosen={chosen}
      isNarrow={isNarrow}
      onChoose={onChoose}
    />
  );
  const timeline = (
    <Timeline
      run={run}
      nodes={nodes}
      steps={steps}
      hasEnded={hasEnded}
      chosen={chosen}
      onChoose={onChoose}
    />
  );
  const panel = chosen !== undefined && (
    <StepPanel
      stepId={chosen}
      snapshot={snapshot}
      explanation={explanation}
      texts={texts}
      onRerun={onRerun}
      onClose={close}
    />
  );
  const room = useMemo(() => roomOf(nodes, edges, isNarrow), [nodes, edges, isNarrow]);
  const style = { '--room': `${room}px` } as CSSProperties;
  if (isNarrow) {
    return (
      <div className={classes.work} data-narrow="true" style={style}>
        <div className={classes.card}>{part === 'graph' ? graph : timeline}</div>
        <Drawer.Root opened={chosen !== undefined} onClose={close} position="bottom" size="85%">
          <Drawer.Overlay />
          <Drawer.Content aria-label={`Step ${chosen}`}>
            <Drawer.Body p={0} h="100%">
              {panel}
            </Drawer.Body>
          </Drawer.Content>
        </Drawer.Root>
      </div>
    );
  }
  return (
    <div className={classes.work} style={style}>
      <div className={classes.card}>{graph}</div>
      <div className={classes.card} data-part={panel ? 'panel' : 'timeline'}>
        {panel || timeline}
      </div>
    </div>
  );
}
