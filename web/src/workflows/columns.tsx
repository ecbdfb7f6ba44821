// The columns of the list of workflows.
import { ActionIcon, Badge, Group, Text, VisuallyHidden } from '@mantine/core';
import { IconPlayerPlay } from '@tabler/icons-react';
import { AppLink } from '../shared/address.tsx';
import { IfMay } from '../shared/app.tsx';
import type { Column } from '../shared/DataTable.tsx';
import { count, duration } from '../shared/format.ts';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { RelativeTime } from '../shared/Times.tsx';
import classes from './columns.module.css';
import type { ListedWorkflow } from './listed.ts';
import { percent } from './percent.ts';
import { ResultStrip } from './ResultStrip.tsx';
import { WorkflowMenu } from './WorkflowMenu.tsx';

const NONE = (
  <Text span size="sm" c="dimmed">
    –
  </Text>
);

const stateOf = ({ has_draft, published_version, canary_percent }: ListedWorkflow): string[] => [
  ...(published_version === null ? [] : [`v${published_version}`]),
  ...(has_draft ? ['draft'] : []),
  ...(canary_percent === null ? [] : [`canary ${canary_percent} %`]),
];

export function columns(onStart: (workflow: ListedWorkflow) => void): Column<ListedWorkflow>[] {
  return [
    {
      id: 'name',
      header: 'Workflow',
      cell: (workflow) => (
        <>
          <Group gap={6} wrap="wrap">
            <AppLink to={`/workflows/${workflow.kebab_name}`} size="sm" fw={600}>
              {workflow.name}
            </AppLink>
            {workflow.tags.slice(0, 3).map((tag) => (
              <Badge key={tag} size="xs" variant="default" tt="none" fw={500}>
                {tag}
              </Badge>
            ))}
          </Group>
          <Text size="xs" c="dimmed">
            <span className="mono">{workflow.kebab_name}</span>
            {workflow.project && `, ${workflow.project.name}`}
          </Text>
        </>
      ),
    },
    {
      id: 'status',
      header: 'Status',
      cell: (workflow) => (
        <>
          <StatusBadge name={workflow.status} />
          <Text size="xs" c="dimmed">
            {stateOf(workflow).join(', ')}
          </Text>
        </>
      ),
    },
    {
      id: 'results',
      header: 'Last results',
      hideBelow: 'sm',
      cell: (workflow) =>
        workflow.results ? <ResultStrip workflow={workflow} results={workflow.results} /> : NONE,
    },
    {
      id: 'success',
      header: 'Success',
      align: 'end',
      hideBelow: 'md',
      cell: ({ success_rate, counted_runs, failed_runs }) => (
        <>
          <Text span size="sm" title={`Of the last ${counted_runs ?? 0} ended runs`}>
            {percent(success_rate)}
          </Text>
          {failed_runs !== undefined && failed_runs > 0 && (
            <Text size="xs" c="var(--sb-danger)" className={classes.whole}>
              {count(failed_runs)} failed today
            </Text>
          )}
        </>
      ),
    },
    {
      id: 'p95',
      header: <span title="95 of 100 runs take at most this long">p95</span>,
      align: 'end',
      hideBelow: 'lg',
      cell: ({ p95_duration_ms }) => (
        <Text span size="sm" className={classes.whole}>
          {duration(p95_duration_ms ?? null)}
        </Text>
      ),
    },
    {
      id: 'open',
      header: 'Open',
      align: 'end',
      hideBelow: 'md',
      cell: ({ open_runs, kebab_name, name }) =>
        open_runs ? (
          <AppLink
            to={`/runs?workflow=${kebab_name}&status=pending,running,paused`}
            aria-label={`${open_runs} open runs of ${name}`}
          >
            {count(open_runs)}
          </AppLink>
        ) : (
          NONE
        ),
    },
    {
      id: 'next',
      header: 'Next start',
      hideBelow: 'lg',
      cell: ({ next_start_at }) => (next_start_at ? <RelativeTime at={next_start_at} /> : NONE),
    },
    {
      id: 'owner',
      header: 'Owner',
      hideBelow: 'lg',
      cell: ({ owner }) => (owner ? <span className={classes.whole}>{owner}</span> : NONE),
    },
    {
      id: 'actions',
      header: <VisuallyHidden>Actions</VisuallyHidden>,
      align: 'end',
      width: 90,
      cell: (workflow) => (
        <Group gap={2} wrap="nowrap" justify="flex-end">
          {workflow.status === 'published' && (
            <IfMay permission="run:execute">
              <ActionIcon
                variant="subtle"
                size="lg"
                aria-label={`Start ${workflow.name}`}
                title="Start"
                onClick={() => onStart(workflow)}
              >
                <IconPlayerPlay size={18} aria-hidden="true" />
              </ActionIcon>
            </IfMay>
          )}
          <WorkflowMenu
            workflow={{ ...workflow, isPublished: workflow.published_version !== null }}
          />
        </Group>
      ),
    },
  ];
}
