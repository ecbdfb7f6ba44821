// The log lines of a step, or of the whole run: endless, by level, new lines while it runs.
import { Badge, Button, SegmentedControl, Text } from '@mantine/core';
import { useState } from 'react';
import { timeOnly } from '../../shared/format.ts';
import { JsonView } from '../../shared/JsonView.tsx';
import { EmptyState, ErrorState, LoadingState } from '../../shared/states.tsx';
import { type Row, supabase } from '../../shared/supabase.ts';
import { keysetPage, useList } from '../../shared/use-list.ts';
import { Part } from './Attempt.tsx';
import classes from './step.module.css';

type Line = Row<'step_logs'>;

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

interface Props {
  runId: string;
  /** All steps without one. */
  stepId?: string;
}

function place({ step_id, item_index, attempt }: Line, isOfStep: boolean): string {
  return [
    isOfStep ? '' : step_id,
    item_index > 0 ? `[${item_index - 1}]` : '',
    attempt > 1 ? `attempt ${attempt}` : '',
  ]
    .filter(Boolean)
    .join(' ');
}

export function StepLogs({ runId, stepId }: Props) {
  const [least, setLeast] = useState<(typeof LEVELS)[number]>('debug');
  const list = useList<Line>({
    key: ['step-logs', runId, stepId ?? '', least],
    live: `stepbase:run:${runId}`,
    page: (cursor, signal) => {
      const lines = supabase.from('step_logs').select('*').eq('run_id', runId);
      const wanted = stepId === undefined ? lines : lines.eq('step_id', stepId);
      return keysetPage<Line>(
        wanted.in('level', LEVELS.slice(LEVELS.indexOf(least))).abortSignal(signal),
        cursor,
        { columns: ['seq'], ascending: true, size: 200 },
      );
    },
  });
  const { rows, error } = list;
  return (
    <div className={classes.logs}>
      <SegmentedControl
        size="xs"
        aria-label="Lowest level"
        data={LEVELS.map((level) => ({
          value: level,
          label: level === 'debug' ? 'All' : level === 'error' ? 'Errors' : `${level} and above`,
        }))}
        value={least}
        onChange={(value) => setLeast(value as (typeof LEVELS)[number])}
      />
      {error && <ErrorState error={error} retry={list.refresh} />}
      {rows === undefined && !error && <LoadingState rows={4} height={22} />}
      {rows?.length === 0 && (
        <EmptyState title="No log lines">
          Code that prints, failed HTTP calls and failed attempts write lines here.
        </EmptyState>
      )}
      {rows && rows.length > 0 && (
        <ol className={classes.lines}>
          {rows.map((line) => (
            <li key={line.seq} data-level={line.level}>
              <time dateTime={line.logged_at}>{timeOnly(line.logged_at)}</time>
              <Badge size="xs" variant="default" tt="none">
                {line.level}
              </Badge>
              <div>
                {place(line, stepId !== undefined) && (
                  <Text span size="xs" c="dimmed" className="mono">
                    {place(line, stepId !== undefined)}{' '}
                  </Text>
                )}
                <span className={classes.wrap}>{line.message}</span>
                {line.is_truncated && (
                  <Text size="xs" c="dimmed">
                    The attempt wrote more lines than are kept.
                  </Text>
                )}
                {line.data !== null && (
                  <Part title="Values" isOpen={false}>
                    <JsonView label={`Values of line ${line.seq}`} value={line.data} />
                  </Part>
                )}
              </div>
            </li>
          ))}
        </ol>
      )}
      {list.hasMore && (
        <Button variant="default" size="xs" loading={list.isReadingMore} onClick={list.more}>
          Show more lines
        </Button>
      )}
    </div>
  );
}
