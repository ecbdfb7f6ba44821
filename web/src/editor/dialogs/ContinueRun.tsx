// Continues the run from which the editor was opened on the version that was just published: what is copied, what runs
// again, and which effects would happen twice.
import { Alert, Button, Group, Stack, Text, Textarea } from '@mantine/core';
import { useState } from 'react';
import { useGo } from '../../shared/address.tsx';
import { Modal } from '../../shared/dialogs.tsx';
import { ask, useAction, useAppQuery } from '../../shared/query.ts';
import { ErrorState, LoadingState } from '../../shared/states.tsx';
import { supabase } from '../../shared/supabase.ts';
import { isObject } from '../model/definition.ts';

interface Props {
  runId: string;
  onClose(): void;
}

interface Plan {
  version: number;
  steps: { step_id: string; action: string; reason: string | null }[];
  repeated_effects: string[];
}

const isPlan = (value: unknown): value is Plan => isObject(value) && Array.isArray(value.steps);

export function ContinueRun({ runId, onClose }: Props) {
  const go = useGo();
  const [reason, setReason] = useState('');
  const preview = useAppQuery(['runs', runId, 'continue'], (signal) =>
    ask(supabase.rpc('preview_continue', { run_id: runId }).abortSignal(signal)),
  );
  const action = useAction(
    () =>
      ask(
        supabase.rpc('continue_on_version', {
          run_id: runId,
          ...(reason.trim() === '' ? {} : { reason: reason.trim() }),
        }),
      ),
    {
      success: 'The run continues on the new version.',
      changes: [['runs']],
      onSuccess: (run) => go(`/runs/${(run as { id: string }).id}`),
    },
  );
  const plan = isPlan(preview.data) ? preview.data : undefined;
  const names = (wanted: string) =>
    plan?.steps.filter((step) => step.action === wanted).map((step) => step.step_id) ?? [];

  return (
    <Modal opened onClose={onClose} title="Continue the run on the new version" size="lg">
      <Stack>
        {preview.error && <ErrorState error={preview.error} retry={() => void preview.refetch()} />}
        {preview.isLoading && <LoadingState rows={3} height={24} />}
        {plan !== undefined && (
          <>
            <Text size="sm">
              A new run starts on version {plan.version} with the results that both versions share.
              The run that failed stays as it is.
            </Text>
            <Text size="sm">
              <b>Copied:</b> {names('copied').join(', ') || 'nothing'}
              <br />
              <b>Runs again:</b> {names('runs_again').join(', ') || 'nothing'}
              <br />
              <b>May run:</b> {names('may_run').join(', ') || 'nothing'}
            </Text>
            {plan.repeated_effects.length > 0 && (
              <Alert color="yellow" variant="light">
                <Text size="sm" c="var(--mantine-color-text)">
                  These steps may change something outside again: {plan.repeated_effects.join(', ')}
                  .
                </Text>
              </Alert>
            )}
            <Textarea
              label="Reason (optional)"
              value={reason}
              maxLength={1_000}
              autosize
              minRows={2}
              onChange={(event) => setReason(event.currentTarget.value)}
            />
          </>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Not now
          </Button>
          <Button
            disabled={plan === undefined}
            loading={action.isRunning}
            onClick={() => action.run()}
          >
            Continue run
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
