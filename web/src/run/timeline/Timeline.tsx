// The waterfall of the run: one line for each step that the run reached, with its attempts and its compensation. Times in
// which nothing was executed are folded. Only the lines in view are in the document.
import { Button, Switch, Text } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useMemo, useRef, useState } from 'react';
import { dateTime, duration, words } from '../../shared/format.ts';
import { toneOf } from '../../shared/status-tones.ts';
import type { Run } from '../../shared/supabase.ts';
import { useNow } from '../../shared/Times.tsx';
import type { RunNode, RunStep } from '../../shared/use-run.ts';
import { type Bar, barsOf, type Scale, scaleOf, ticks } from './scale.ts';
import classes from './timeline.module.css';

interface Props {
  run: Run;
  nodes: RunNode[];
  steps: RunStep[];
  hasEnded: boolean;
  chosen: string | undefined;
  onChoose(stepId: string): void;
}

interface Line {
  stepId: string;
  label: string;
  bars: Bar[];
}

const ROW = 30;
/** Waits in which nothing is executed; a for_each and a child workflow work in the meantime. */
const IDLE = new Set(['task', 'delay', 'signal', 'queue', 'retry']);

const percent = (part: number) => `${(part * 100).toFixed(3)}%`;

function linesOf(bars: readonly Bar[], nodes: readonly RunNode[]): Line[] {
  const labels = new Map(nodes.map(({ node_id, label }) => [node_id, label || node_id]));
  const byStep = Map.groupBy(bars, ({ stepId }) => stepId);
  return [...byStep]
    .map(([stepId, own]) => ({ stepId, label: labels.get(stepId) ?? stepId, bars: own }))
    .sort((a, b) => firstStart(a) - firstStart(b));
}

const firstStart = ({ bars }: Line) => Math.min(...bars.map(({ start }) => start));

function RunningClock(props: Omit<Props, 'hasEnded'>) {
  const now = useNow();
  return <Chart {...props} end={now} />;
}

export function Timeline({ hasEnded, ...props }: Props) {
  const { completed_at, updated_at } = props.run;
  return hasEnded ? (
    <Chart {...props} end={Date.parse(completed_at ?? updated_at)} />
  ) : (
    <RunningClock {...props} />
  );
}

function Chart({
  run,
  nodes,
  steps,
  chosen,
  onChoose,
  end,
}: Omit<Props, 'hasEnded'> & { end: number }) {
  const [isFolded, setFolded] = useState(true);
  const scroller = useRef<HTMLElement>(null);
  const kinds = useMemo(
    () => new Map(nodes.map(({ node_id, step_type }) => [node_id, step_type.wait_kind])),
    [nodes],
  );
  const bars = useMemo(
    () => barsOf(steps, end, (step) => IDLE.has(step.wait_kind ?? kinds.get(step.step_id) ?? '')),
    [steps, end, kinds],
  );
  const lines = useMemo(() => linesOf(bars, nodes), [bars, nodes]);
  const start = Date.parse(run.started_at ?? run.created_at);
  const scale = useMemo(() => scaleOf(bars, start, end, isFolded), [bars, start, end, isFolded]);
  const virtualizer = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 12,
  });

  if (lines.length === 0) {
    return (
      <Text c="dimmed" ta="center" py="xl">
        No step has started yet.
      </Text>
    );
  }
  return (
    <div className={classes.frame}>
      <div className={classes.tools}>
        <Text size="sm" c="dimmed">
          {lines.length} of {nodes.length} steps started
        </Text>
        <Switch
          size="xs"
          label="Fold idle time"
          checked={isFolded}
          onChange={(event) => setFolded(event.currentTarget.checked)}
        />
      </div>
      <Axis scale={scale} />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
      <section className={classes.lines} ref={scroller} tabIndex={0} aria-label="Timeline">
        <div style={{ height: virtualizer.getTotalSize(), position: 'relative' }}>
          <div className={classes.folds} aria-hidden="true">
            {scale.folds.map((fold) => (
              <i
                key={fold.start}
                style={{
                  left: percent(scale.at(fold.start)),
                  width: percent(scale.at(fold.end) - scale.at(fold.start)),
                }}
              />
            ))}
          </div>
          {virtualizer.getVirtualItems().map(({ index, start: top }) => {
            const line = lines[index];
            return (
              line && (
                <LineView
                  key={line.stepId}
                  line={line}
                  top={top}
                  scale={scale}
                  isChosen={line.stepId === chosen}
                  onChoose={onChoose}
                />
              )
            );
          })}
        </div>
      </section>
    </div>
  );
}

function Axis({ scale }: { scale: Scale }) {
  return (
    <div className={classes.axis} aria-hidden="true">
      <div className={classes.scale}>
        {ticks(scale).map(({ time, label }) => (
          <span key={time} style={{ left: percent(scale.at(time)) }}>
            {label}
          </span>
        ))}
      </div>
    </div>
  );
}

interface LineProps {
  line: Line;
  top: number;
  scale: Scale;
  isChosen: boolean;
  onChoose(stepId: string): void;
}

function tooltip({ attempt, status, start, end, isUndo, isWait }: Bar): string {
  return [
    isUndo ? 'Compensation' : `Attempt ${attempt}`,
    words(status),
    `${isWait ? 'waited ' : ''}${duration(end - start)}`,
    `from ${dateTime(new Date(start).toISOString())}`,
  ].join(', ');
}

function LineView({ line, top, scale, isChosen, onChoose }: LineProps) {
  const { stepId, label, bars } = line;
  const last = bars.at(-1);
  const total = bars.reduce((sum, { start, end }) => sum + end - start, 0);
  return (
    <div className={classes.line} data-chosen={isChosen} style={{ top }}>
      <Button
        variant="transparent"
        size="compact-sm"
        className={classes.name}
        color="var(--mantine-color-text)"
        aria-pressed={isChosen}
        aria-label={`${label}, ${last ? words(last.status) : ''}, ${duration(total)}`}
        title={label}
        onClick={() => onChoose(stepId)}
      >
        {label}
      </Button>
      <div className={classes.track}>
        {bars.map((bar) => (
          <i
            key={bar.id}
            title={tooltip(bar)}
            data-tone={toneOf(bar.status)}
            data-wait={bar.isWait}
            data-undo={bar.isUndo}
            style={{
              left: percent(scale.at(bar.start)),
              width: `max(3px, ${percent(scale.at(bar.end) - scale.at(bar.start))})`,
            }}
          />
        ))}
      </div>
      <span className={classes.time}>{duration(total)}</span>
    </div>
  );
}
