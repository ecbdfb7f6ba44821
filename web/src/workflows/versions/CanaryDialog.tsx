// Starts a canary: a version gets a share of the starts.
import { Alert, Button, Group, NumberInput, Stack, Text, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { Modal } from '../../shared/dialogs.tsx';
import { describe } from '../../shared/errors.ts';
import { ask, useAction } from '../../shared/query.ts';
import { supabase } from '../../shared/supabase.ts';
import type { ListedVersion } from './use-version-actions.ts';

interface Props {
  version: ListedVersion;
  onClose(): void;
}

const numberOf = (value: string | number): number | null =>
  typeof value === 'number' ? value : null;

export function CanaryDialog({ version, onClose }: Props) {
  const [share, setShare] = useState<number | null>(10);
  const [key, setKey] = useState('');
  const [errorPercent, setErrorPercent] = useState<number | null>(20);
  const [least, setLeast] = useState<number | null>(20);
  const start = useAction(
    () =>
      ask(
        supabase.rpc('start_canary', {
          workflow_version_id: version.id,
          percent: share ?? 10,
          ...(key.trim() ? { key: key.trim() } : {}),
          ...(errorPercent === null ? {} : { max_error_rate: errorPercent / 100 }),
          ...(least === null ? {} : { min_runs: least }),
        }),
      ),
    {
      isQuiet: true,
      changes: [['workflows']],
      success: `Version ${version.version} gets a share of the starts.`,
      onSuccess: onClose,
    },
  );
  function submit(event: FormEvent): void {
    event.preventDefault();
    start.run();
  }
  return (
    <Modal opened onClose={onClose} title={`Try version ${version.version} with a canary`}>
      <form onSubmit={submit}>
        <Stack>
          <NumberInput
            label="Share of the starts in percent"
            min={0.1}
            max={100}
            required
            value={share ?? ''}
            onChange={(value) => setShare(numberOf(value))}
          />
          <TextInput
            label="Key"
            description="A path into the input, such as $.customer_id: starts with the same value get the same version."
            placeholder="$.customer_id"
            value={key}
            onChange={(event) => setKey(event.currentTarget.value)}
          />
          <NumberInput
            label="Stop it when more percent of its runs fail"
            description="Empty: a person stops it."
            min={0}
            max={99.9}
            value={errorPercent ?? ''}
            onChange={(value) => setErrorPercent(numberOf(value))}
          />
          <NumberInput
            label="Ended runs that decide"
            min={1}
            max={1000}
            value={least ?? ''}
            onChange={(value) => setLeast(numberOf(value))}
          />
          {start.error && (
            <Alert color="red" role="alert">
              <Text c="var(--mantine-color-text)">{describe(start.error).text}</Text>
            </Alert>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Close
            </Button>
            <Button type="submit" loading={start.isRunning}>
              Start canary
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
