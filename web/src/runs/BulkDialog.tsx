// Previews an operation on many runs and starts it: how many runs, in which status, which are left out and why.
import { Alert, Button, Checkbox, Group, NativeSelect, Stack, Text, Textarea } from '@mantine/core';
import { useState } from 'react';
import { parseJson } from '../shared/code/editors.tsx';
import { Modal } from '../shared/dialogs.tsx';
import { count, words } from '../shared/format.ts';
import { useAction, useAppQuery } from '../shared/query.ts';
import { ErrorState, LoadingState } from '../shared/states.tsx';
import {
  ACTIONS,
  type BulkAction,
  EXCLUDED,
  type FilterDocument,
  type Operation,
  preview,
  type SentSignal,
  start,
} from './bulk.ts';
import { SignalFields } from './SignalFields.tsx';

interface Props {
  action: BulkAction;
  filter: FilterDocument;
  onClose(): void;
  onStarted?(operation: Operation): void;
}

const FORCE: Partial<Record<BulkAction, string>> = {
  cancel: 'End the runs without compensation',
  redrive: 'Also redrive runs that were redriven before',
};

/** A rate protects what the runs call; a redrive of many runs may be what made it fail. */
const RATES = [
  { value: '', label: 'As fast as it can' },
  { value: '600', label: '600 runs a minute' },
  { value: '60', label: '60 runs a minute' },
  { value: '10', label: '10 runs a minute' },
];
const PACED: readonly BulkAction[] = ['redrive', 'rerun', 'resume'];

const runs = (number: number) => `${count(number)} ${number === 1 ? 'run' : 'runs'}`;

export function BulkDialog({ action, filter, onClose, onStarted }: Props) {
  const [isForced, setForced] = useState(false);
  const [reason, setReason] = useState('');
  const [signal, setSignal] = useState({ name: '', payload: '{}' });
  const [problem, setProblem] = useState<string>();
  const isSignal = action === 'signal';
  const [rate, setRate] = useState('');
  const { label = '', text = '', isDangerous } = ACTIONS.find(({ name }) => name === action) ?? {};
  const { data, error, refetch, isFetching } = useAppQuery(
    ['operation-preview', action, JSON.stringify(filter), isForced],
    () => preview(action, filter, isForced),
    { staleTime: 0, gcTime: 0 },
  );
  const begin = useAction(
    ({ token, sent }: { token: string; sent: SentSignal | undefined }) =>
      start({
        action,
        filter,
        force: isForced,
        token,
        reason: reason.trim(),
        signal: sent,
        rate: rate ? Number(rate) : undefined,
      }),
    {
      changes: [['operations']],
      isQuiet: true,
      onSuccess: (operation) => {
        onStarted?.(operation);
        onClose();
      },
    },
  );
  const force = FORCE[action];

  function submit(token: string): void {
    setProblem(undefined);
    try {
      const sent = isSignal
        ? { name: signal.name.trim(), payload: parseJson(signal.payload) }
        : undefined;
      begin.run({ token, sent });
    } catch (error) {
      setProblem(`This is not JSON: ${(error as Error).message}`);
    }
  }

  return (
    <Modal opened onClose={onClose} title={`${label} runs`} size="lg">
      <Stack>
        <Text>{text}</Text>
        {error && <ErrorState error={error} retry={() => void refetch()} />}
        {!data && !error && <LoadingState rows={2} />}
        {data && (
          <Stack gap={4} role="status" mih={72}>
            <Text fw={600}>
              {data.count === 0 ? 'No run allows this action.' : `${runs(data.count)} will change`}
            </Text>
            <Text size="sm" c="dimmed">
              {Object.entries(data.by_status)
                .map(([status, number]) => `${count(number)} ${words(status)}`)
                .join(', ')}
            </Text>
            {Object.entries(data.excluded).map(([why, number]) => (
              <Text key={why} size="sm" c="dimmed">
                Left out: {runs(number)} that {EXCLUDED[why] ?? words(why)}.
              </Text>
            ))}
          </Stack>
        )}
        {data && !data.is_complete && (
          <Alert color="orange" variant="light">
            <Text c="var(--mantine-color-text)">
              More runs match than one operation may change. Add a time, a workflow or a tag.
            </Text>
          </Alert>
        )}
        {isSignal && <SignalFields signal={signal} onChange={setSignal} problem={problem} />}
        {force && (
          <Checkbox
            label={force}
            checked={isForced}
            onChange={(event) => setForced(event.currentTarget.checked)}
          />
        )}
        {PACED.includes(action) && (
          <NativeSelect
            label="Rate"
            description="A slow rate protects the systems that the runs call."
            data={RATES}
            value={rate}
            onChange={(event) => setRate(event.currentTarget.value)}
          />
        )}
        <Textarea
          label="Reason"
          description="Optional. It is kept with the operation, and cancelled runs show it."
          maxLength={1000}
          autosize
          minRows={2}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        {begin.error && <ErrorState error={begin.error} retry={() => void refetch()} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Keep as it is
          </Button>
          <Button
            {...(isDangerous ? { color: 'red.8' } : {})}
            disabled={
              !data ||
              data.count === 0 ||
              !data.is_complete ||
              isFetching ||
              (isSignal && signal.name.trim() === '')
            }
            loading={begin.isRunning}
            onClick={() => data && submit(data.preview)}
          >
            {label} {data ? runs(data.count) : 'runs'}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
