// An operation on many runs with its progress. It leads to its runs, lists those that failed, and is taken back by the
// opposite action. What a button opens is loaded when a person presses it.
import { Button, Group, Progress, Stack, Text } from '@mantine/core';
import { lazy, Suspense, useState } from 'react';
import { AppLink } from '../shared/address.tsx';
import { useApp } from '../shared/app.tsx';
import { count, words } from '../shared/format.ts';
import { useAction } from '../shared/query.ts';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { RelativeTime, useNow } from '../shared/Times.tsx';
import { ACTIONS, type BulkAction, type Operation, stop, UNDO } from './bulk.ts';
import classes from './runs.module.css';

const BulkDialog = lazy(() =>
  import('./BulkDialog.tsx').then(({ BulkDialog }) => ({ default: BulkDialog })),
);
const OperationFailures = lazy(() => import('./OperationFailures.tsx'));
const KEY = ['operations'] as const;

/** How many runs an operation has acted on in a second so far; undefined: too early to say, or it has ended. */
function useSpeed({ status, done, failed, skipped, created_at }: Operation): number | undefined {
  const now = useNow();
  const seconds = (now - new Date(created_at).getTime()) / 1_000;
  return status === 'running' && seconds >= 2 ? (done + failed + skipped) / seconds : undefined;
}

export default function OperationCard({ operation }: { operation: Operation }) {
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
            <Button
              size="compact-sm"
              variant="subtle"
              aria-expanded={isOpen}
              onClick={() => setOpen(!isOpen)}
            >
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
      {isOpen && (
        <Suspense>
          <OperationFailures id={id} />
        </Suspense>
      )}
      {isUndoing && (
        <Suspense>
          <BulkDialog
            action={isUndoing}
            filter={{ operation: id }}
            onClose={() => setUndoing(undefined)}
          />
        </Suspense>
      )}
    </Stack>
  );
}
