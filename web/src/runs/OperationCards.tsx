// Operations on many runs with their progress: those that run, and those that ended a short while ago. A button shows
// all others; an operation leads to its runs, lists those that failed, and is taken back by the opposite action.
// Operations.tsx loads the cards when there is an operation.
import { Button, Drawer, Group, Progress, Stack, Table, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useState } from 'react';
import { AppLink } from '../shared/address.tsx';
import { useApp } from '../shared/app.tsx';
import { count, words } from '../shared/format.ts';
import { ask, useAction, useAppQuery } from '../shared/query.ts';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { ErrorState, LoadingState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';
import { RelativeTime, useNow } from '../shared/Times.tsx';
import { BulkDialog } from './BulkDialog.tsx';
import { ACTIONS, type BulkAction, type Operation, stop, UNDO } from './bulk.ts';
import classes from './runs.module.css';

const KEY = ['operations'] as const;
/** Ended operations stay in sight for this long. */
const RECENT_MS = 120_000;

function Failures({ id }: { id: string }) {
  const { data, error } = useAppQuery(['operations', id, 'failures'], (signal) =>
    ask(
      supabase
        .from('run_operation_failures')
        .select('run_id, code, message')
        .eq('operation_id', id)
        .limit(1_000)
        .abortSignal(signal),
    ),
  );
  if (error) return <ErrorState error={error} />;
  if (!data) return <LoadingState rows={1} />;
  return (
    <Table>
      <Table.Tbody>
        {data.map(({ run_id, code, message }) => (
          <Table.Tr key={run_id}>
            <Table.Td className="mono">
              <AppLink to={`/runs/${run_id}`}>…{run_id.slice(-12)}</AppLink>
            </Table.Td>
            <Table.Td>
              {message}{' '}
              <Text span size="xs" c="dimmed">
                {code}
              </Text>
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

/** How many runs an operation has acted on in a second so far; undefined: too early to say, or it has ended. */
function useSpeed({ status, done, failed, skipped, created_at }: Operation): number | undefined {
  const now = useNow();
  const seconds = (now - new Date(created_at).getTime()) / 1_000;
  return status === 'running' && seconds >= 2 ? (done + failed + skipped) / seconds : undefined;
}

function OperationCard({ operation }: { operation: Operation }) {
  const { permissions } = useApp();
  const [isOpen, setOpen] = useState(false);
  const { id, action, status, total, done, failed, skipped, reason, last_error, created_at } =
    operation;
  const { label = words(action), permission = '' } =
    ACTIONS.find(({ name }) => name === action) ?? {};
  const end = useAction(() => stop(id), { changes: [KEY], success: 'Stopped.' });
  const [isUndoing, setUndoing] = useState<BulkAction>();
  const undo = UNDO[action];
  const mayUndo =
    undo !== undefined &&
    status !== 'running' &&
    done > 0 &&
    permissions.has(ACTIONS.find(({ name }) => name === undo)?.permission ?? '');
  const part = (number: number) => (total === 0 ? 0 : (100 * number) / total);
  const speed = useSpeed(operation);
  const { max_per_minute: rate, next_slice_at: next } = operation;
  const facts = [
    `${count(done)} of ${count(total)} done`,
    ...(skipped > 0 ? [`${count(skipped)} skipped`] : []),
    ...(failed > 0 ? [`${count(failed)} failed`] : []),
    ...(rate !== null && status === 'running' ? [`at most ${count(rate)} a minute`] : []),
  ].join(', ');
  const { code: errorCode, message } = (last_error ?? {}) as { code?: string; message?: string };
  const waits = next && errorCode === 'limit_reached' ? message : undefined;
  return (
    <Stack gap={6} className={classes.operation} data-operation={id} data-status={status}>
      <Group gap="sm">
        <Text fw={600}>{label}</Text>
        <StatusBadge name={status} />
        <Text size="sm" c="dimmed" role="status">
          {facts}
        </Text>
        {speed !== undefined && speed >= 1 && (
          <Text size="sm" c="dimmed">
            {count(Math.round(speed))} a second
          </Text>
        )}
        <Text size="sm" c="dimmed">
          <RelativeTime at={created_at} />
        </Text>
        <Group gap={6} ml="auto">
          {done > 0 && (
            <AppLink to={`/runs?operation=${id}`} size="sm">
              Show the runs
            </AppLink>
          )}
          {mayUndo && (
            <Button
              size="compact-sm"
              variant="default"
              aria-label={`Undo: ${label}`}
              onClick={() => setUndoing(undo)}
            >
              Undo
            </Button>
          )}
          {failed > 0 && (
            <Button size="compact-sm" variant="subtle" onClick={() => setOpen(!isOpen)}>
              {isOpen ? 'Hide failed runs' : 'Show failed runs'}
            </Button>
          )}
          {status === 'running' && permissions.has(permission) && (
            <Button
              size="compact-sm"
              variant="default"
              loading={end.isRunning}
              onClick={() => end.run()}
            >
              Stop
            </Button>
          )}
        </Group>
      </Group>
      <Progress.Root size="sm">
        <Progress.Section value={part(done)} aria-label="Done" />
        <Progress.Section value={part(skipped)} color="gray" aria-label="Skipped" />
        <Progress.Section value={part(failed)} color="red.8" aria-label="Failed" />
      </Progress.Root>
      {reason && <Text size="sm">{reason}</Text>}
      {waits && (
        <Text size="sm" c="dimmed">
          Waits: {waits}
        </Text>
      )}
      {isOpen && <Failures id={id} />}
      {isUndoing && (
        <BulkDialog
          action={isUndoing}
          filter={{ operation: id }}
          onClose={() => setUndoing(undefined)}
        />
      )}
    </Stack>
  );
}

interface Props {
  operations: readonly Operation[];
}

export default function OperationCards({ operations }: Props) {
  const [isOpen, { open, close }] = useDisclosure();
  const now = useNow();
  const recent = operations.filter(
    ({ status, ended_at }) =>
      status === 'running' || (ended_at && now - new Date(ended_at).getTime() < RECENT_MS),
  );
  return (
    <Stack gap="xs" mb="md" role="region" aria-label="Bulk operations">
      {recent.slice(0, 3).map((operation) => (
        <OperationCard key={operation.id} operation={operation} />
      ))}
      <Group justify="flex-end">
        <Button size="compact-xs" variant="subtle" onClick={open}>
          All bulk operations
        </Button>
      </Group>
      <Drawer opened={isOpen} onClose={close} title="Bulk operations" position="right" size="lg">
        <Stack gap="xs">
          {operations.map((operation) => (
            <OperationCard key={operation.id} operation={operation} />
          ))}
        </Stack>
      </Drawer>
    </Stack>
  );
}
