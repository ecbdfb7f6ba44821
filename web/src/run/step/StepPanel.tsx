// The panel of one step: why it waits, its attempts with their values, its items, the turns of an agent, its log lines
// and its definition.
import { ActionIcon, Anchor, Button, Group, Tabs, Text, Title } from '@mantine/core';
import { IconX } from '@tabler/icons-react';
import { type KeyboardEvent, useMemo } from 'react';
import { hasEnded, type StepTexts } from '../../../../sdk/src/live/index.ts';
import { AppLink } from '../../shared/address.tsx';
import { useMay } from '../../shared/app.tsx';
import { docsUrl } from '../../shared/docs.ts';
import { JsonView } from '../../shared/JsonView.tsx';
import { StatusBadge } from '../../shared/StatusBadge.tsx';
import { StepIcon } from '../../shared/StepIcon.tsx';
import { RelativeTime } from '../../shared/Times.tsx';
import type { RunSnapshot } from '../../shared/use-run.ts';
import type { Explanation } from '../explanation.ts';
import { stepStates } from '../graph/states.ts';
import { Attempts } from './Attempts.tsx';
import { Items } from './Items.tsx';
import { StepLogs } from './StepLogs.tsx';
import classes from './step.module.css';
import { Turns } from './Turns.tsx';

interface Props {
  stepId: string;
  snapshot: RunSnapshot;
  explanation: Explanation | undefined;
  /** What models are writing. */
  texts: StepTexts;
  onRerun(from: string): void;
  onClose(): void;
}

export function StepPanel({ stepId, snapshot, explanation, texts, onRerun, onClose }: Props) {
  const mayStart = useMay('run:execute');
  const { run, nodes, edges } = snapshot;
  const node = nodes.find(({ node_id }) => node_id === stepId);
  const steps = useMemo(
    () => snapshot.steps.filter(({ step_id }) => step_id === stepId),
    [snapshot.steps, stepId],
  );
  const isEnded = hasEnded(run.status);
  const state = stepStates(node ? [node] : [], steps, isEnded).get(stepId);
  // The values of the step are read again when one of its attempts has changed.
  const signature = steps
    .map(({ attempt, status, updated_at }) => `${attempt}${status}${updated_at}`)
    .join();
  const reasons =
    explanation?.steps.filter(({ step, item }) => step === stepId && item === undefined) ?? [];
  const itemsTotal = steps.find(({ items_total }) => items_total !== null)?.items_total ?? null;
  const isAgent = node?.node_type === 'ai_agent_task';
  const itemType = (node?.config as { step?: { type?: unknown } } | null | undefined)?.step?.type;
  const handles = edges
    .filter(({ source_node_id }) => source_node_id === stepId)
    .map(({ source_handle }) => source_handle);

  function onKeyDown(event: KeyboardEvent): void {
    if (event.key !== 'Escape' || event.defaultPrevented) return;
    event.stopPropagation();
    onClose();
  }

  if (!node) {
    return (
      <section className={classes.panel} aria-label={`Step ${stepId}`}>
        <Text p="md">The workflow of this run has no step {stepId}.</Text>
      </section>
    );
  }
  return (
    <section className={classes.panel} aria-label={`Step ${stepId}`} onKeyDown={onKeyDown}>
      <div className={classes.head}>
        <StepIcon icon={node.step_type.icon} color={node.step_type.color} />
        <div className={classes.title}>
          <Title order={2} size="h5">
            {node.label || stepId}
          </Title>
          <Text size="xs" c="dimmed">
            <span className="mono">{stepId}</span> ·{' '}
            <Anchor
              size="xs"
              href={`${docsUrl('reference/step-types')}#${node.node_type}`}
              target="_blank"
              rel="noreferrer"
            >
              {node.step_type.label}
            </Anchor>
          </Text>
        </div>
        {state && (
          <StatusBadge
            name={state.status}
            {...(state.isHandled ? { label: 'failed, continued' } : {})}
          />
        )}
        <ActionIcon variant="subtle" color="gray" onClick={onClose} aria-label="Close the step">
          <IconX size={18} aria-hidden="true" />
        </ActionIcon>
      </div>
      <div className={classes.body}>
        {reasons.map((reason) => (
          <Text size="sm" key={reason.step_run_id} className={classes.reason}>
            {reason.sentence}{' '}
            {reason.until && (
              <Text span c="dimmed" size="sm">
                (<RelativeTime at={reason.until} />)
              </Text>
            )}
            {reason.child_run_id && (
              <AppLink to={`/runs/${reason.child_run_id}`}>Show the child run</AppLink>
            )}
          </Text>
        ))}
        {isEnded && mayStart && steps.length > 0 && (
          <Group gap="xs" mb="xs">
            <Button size="compact-sm" variant="default" onClick={() => onRerun(stepId)}>
              Run again from here
            </Button>
          </Group>
        )}
        <Tabs
          defaultValue={itemsTotal === null ? 'attempts' : 'items'}
          keepMounted={false}
          key={stepId}
        >
          <Tabs.List>
            {itemsTotal !== null && <Tabs.Tab value="items">Items</Tabs.Tab>}
            <Tabs.Tab value="attempts">Attempts</Tabs.Tab>
            {isAgent && <Tabs.Tab value="turns">Turns</Tabs.Tab>}
            <Tabs.Tab value="logs">Logs</Tabs.Tab>
            <Tabs.Tab value="definition">Definition</Tabs.Tab>
          </Tabs.List>
          {itemsTotal !== null && (
            <Tabs.Panel value="items" pt="sm">
              <Items
                runId={run.id}
                stepId={stepId}
                seq={run.event_seq}
                texts={texts}
                isAgent={itemType === 'ai_agent_task'}
              />
            </Tabs.Panel>
          )}
          <Tabs.Panel value="attempts" pt="sm">
            {steps.length === 0 ? (
              <Text c="dimmed">
                {isEnded
                  ? 'The run ended before this step.'
                  : 'The run has not reached this step yet.'}
              </Text>
            ) : (
              <Attempts
                runId={run.id}
                stepId={stepId}
                signature={signature}
                handles={handles}
                texts={texts}
              />
            )}
          </Tabs.Panel>
          {isAgent && (
            <Tabs.Panel value="turns" pt="sm">
              <Turns runId={run.id} stepId={stepId} itemIndex={0} seq={run.event_seq} />
            </Tabs.Panel>
          )}
          <Tabs.Panel value="logs" pt="sm">
            <StepLogs runId={run.id} stepId={stepId} />
          </Tabs.Panel>
          <Tabs.Panel value="definition" pt="sm">
            <JsonView
              label="Definition of the step"
              value={{
                type: node.node_type,
                config: node.config,
                join: node.join_mode,
                on_error: node.on_error,
                retry: node.retry,
                timeout_ms: node.timeout_ms,
                compensate: node.compensate,
              }}
            />
          </Tabs.Panel>
        </Tabs>
      </div>
    </section>
  );
}
