// When the runs of a workflow start: concurrency by key, throttle, rate limit, debounce, batch, priority.
import { Anchor, Button, Group, Paper, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { useMay } from '../../shared/app.tsx';
import { confirm } from '../../shared/confirm.tsx';
import { docsUrl } from '../../shared/docs.ts';
import { ask, useAction, useAppQuery } from '../../shared/query.ts';
import { ErrorState, LoadingState } from '../../shared/states.tsx';
import { supabase } from '../../shared/supabase.ts';
import { FlowControlDialog } from './FlowControlDialog.tsx';
import { type FlowControl, inWords, KINDS } from './flow-controls.ts';

export function FlowControls({ workflowId }: { workflowId: string }) {
  const mayWrite = useMay('workflow:write');
  const [isAdding, setAdding] = useState(false);
  const { data, error, refetch } = useAppQuery(
    ['workflows', 'flow-controls', workflowId],
    (signal) =>
      ask(
        supabase
          .from('workflow_flow_controls')
          .select('*')
          .eq('workflow_id', workflowId)
          .order('kind')
          .abortSignal(signal),
      ),
  );
  const remove = useAction(
    (id: string) =>
      ask(supabase.from('workflow_flow_controls').delete().eq('id', id).select('id').single()),
    { changes: [['workflows']], success: 'The rule is removed.' },
  );
  async function askRemove({ id, kind }: FlowControl): Promise<void> {
    const answer = await confirm({
      title: `Remove ${KINDS.find(({ value }) => value === kind)?.label ?? kind}?`,
      text: 'Runs that wait because of it start as the other limits allow.',
      action: 'Remove',
    });
    if (answer) remove.run(id);
  }
  if (error) return <ErrorState error={error} retry={() => void refetch()} />;
  if (data === undefined) return <LoadingState rows={1} height={60} />;
  const free = KINDS.filter(({ value }) => !data.some(({ kind }) => kind === value));
  return (
    <Stack gap="xs">
      {data.length === 0 && (
        <Text size="sm" c="dimmed">
          Every start begins a run at once, as far as the limits allow.{' '}
          <Anchor href={docsUrl('guides/flow-control')} target="_blank" rel="noreferrer">
            What flow control can do
          </Anchor>
        </Text>
      )}
      {data.map((control) => {
        const kind = KINDS.find(({ value }) => value === control.kind);
        return (
          <Paper key={control.id} bg="var(--sb-surface)" withBorder p="sm" radius="md">
            <Group justify="space-between" wrap="nowrap">
              <div>
                <Text size="sm" fw={600}>
                  {kind?.label ?? control.kind}: {inWords(control)}
                </Text>
                <Text size="sm" c="dimmed">
                  {kind?.text}
                </Text>
              </div>
              {mayWrite && (
                <Button
                  variant="default"
                  size="xs"
                  aria-label={`Remove ${kind?.label ?? control.kind}`}
                  onClick={() => void askRemove(control)}
                >
                  Remove
                </Button>
              )}
            </Group>
          </Paper>
        );
      })}
      {mayWrite && free.length > 0 && (
        <Button variant="default" w="fit-content" onClick={() => setAdding(true)}>
          Add a rule
        </Button>
      )}
      {isAdding && (
        <FlowControlDialog workflowId={workflowId} kinds={free} onClose={() => setAdding(false)} />
      )}
    </Stack>
  );
}
