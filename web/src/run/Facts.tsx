// The facts of the run, as a short list of names and values. Those without a value are left out.
import { Badge, Group } from '@mantine/core';
import type { ReactNode } from 'react';
import { hasEnded } from '../../../sdk/src/live/index.ts';
import { AppLink } from '../shared/address.tsx';
import { count } from '../shared/format.ts';
import { useAppQuery } from '../shared/query.ts';
import { type Run, supabase } from '../shared/supabase.ts';
import { Duration, RelativeTime } from '../shared/Times.tsx';
import type { RunVersion, RunWorkflow } from '../shared/use-run.ts';
import { Copied } from './Copied.tsx';
import classes from './run.module.css';
import { StartedBy } from './StartedBy.tsx';
import { TemporalFacts } from './TemporalFacts.tsx';

interface Props {
  run: Run;
  workflow: RunWorkflow;
  version: RunVersion;
}

/** The numbers of child runs and of runs that repeat this one. */
function useRelated(runId: string, seq: number): { children: number; reruns: number } {
  const { data } = useAppQuery(
    ['runs', runId, 'related', seq],
    async (signal) => {
      const counted = async (column: 'parent_run_id' | 'origin_run_id') => {
        const { count: found, error } = await supabase
          .from('runs')
          .select('id', { count: 'exact', head: true })
          .eq(column, runId)
          .abortSignal(signal);
        if (error) throw error;
        return found ?? 0;
      };
      const [children, reruns] = await Promise.all([
        counted('parent_run_id'),
        counted('origin_run_id'),
      ]);
      return { children, reruns };
    },
    { placeholderData: (known) => known },
  );
  return data ?? { children: 0, reruns: 0 };
}

/** A run that was redriven or rerun names the run that it repeats; the reason is in its edits. */
function Origin({ run }: { run: Run }) {
  return (
    <AppLink to={`/runs/${run.origin_run_id}`}>
      rerun{run.rerun_from_step ? ` from ${run.rerun_from_step}` : ''}
    </AppLink>
  );
}

function useReason(run: Run): string | undefined {
  const { reason } = (run.edits ?? {}) as { reason?: string };
  return reason;
}

export function Facts({ run, workflow, version }: Props) {
  const related = useRelated(run.id, hasEnded(run.status) ? run.event_seq : 0);
  const reason = useReason(run);
  const isOpen = !hasEnded(run.status);
  const runs = (found: number) => `${count(found)} ${found === 1 ? 'run' : 'runs'}`;
  const relatedPage = `/runs/${run.id}?tab=related`;
  const facts: (readonly [string, ReactNode] | false)[] = [
    ['Run', <Copied key="id" value={run.id} label="id of the run" />],
    [
      'Version',
      <AppLink key="version" to={`/workflows/${workflow.kebab_name}/versions`}>
        {version.version}
      </AppLink>,
    ],
    ['Started by', <StartedBy key="by" run={run} />],
    ['Created', <RelativeTime key="created" at={run.created_at} />],
    run.start_at !== null &&
      run.status === 'pending' && ['Starts', <RelativeTime key="at" at={run.start_at} />],
    ['Duration', <Duration key="ms" ms={run.duration_ms} since={isOpen ? run.started_at : null} />],
    ['Steps', `${count(run.steps_completed)} of ${count(run.steps_total)}`],
    run.priority !== 0 && ['Priority', run.priority],
    run.idempotency_key !== null && [
      'Key',
      <Copied key="key" value={run.idempotency_key} label="idempotency key" />,
    ],
    run.deadline_at !== null &&
      isOpen && ['Deadline', <RelativeTime key="deadline" at={run.deadline_at} />],
    run.parent_run_id !== null && [
      'Parent',
      <AppLink key="parent" to={`/runs/${run.parent_run_id}`}>
        parent run
      </AppLink>,
    ],
    run.origin_run_id !== null && ['Repeats', <Origin key="origin" run={run} />],
    reason !== undefined && ['Reason', reason],
    related.children > 0 && [
      'Children',
      <AppLink key="children" to={relatedPage}>
        {runs(related.children)}
      </AppLink>,
    ],
    related.reruns > 0 && [
      'Repeated by',
      <AppLink key="reruns" to={relatedPage}>
        {runs(related.reruns)}
      </AppLink>,
    ],
    run.execution_engine === 'temporal' && [
      'Engine',
      <TemporalFacts key="engine" runId={run.id} />,
    ],
    ['Trace', <Copied key="trace" value={run.trace_id} label="trace id" />],
    run.tags !== null &&
      run.tags.length > 0 && [
        'Tags',
        <Group key="tags" gap={4}>
          {run.tags.map((tag) => (
            <Badge key={tag} variant="default" size="sm" tt="none">
              {tag}
            </Badge>
          ))}
        </Group>,
      ],
  ];
  return (
    <dl className={classes.facts}>
      {facts
        .filter((fact) => fact !== false)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}
