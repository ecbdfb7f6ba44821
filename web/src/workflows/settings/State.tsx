// Pause, archive or delete a workflow, with what each means. Retention is a setting of the application.
import { Button, Group, Paper, Stack, Text } from '@mantine/core';
import { AppLink, useGo } from '../../shared/address.tsx';
import type { Workflow } from '../../shared/supabase.ts';
import { useWorkflowActions } from '../use-workflow-actions.ts';

const TEXTS: Readonly<Record<string, string>> = {
  pause: 'No run starts, also not by schedules, events and webhooks. Open runs continue.',
  resume: 'Runs start again.',
  archive: 'It leaves the lists and starts no runs. Runs and versions stay.',
  restore: 'It returns to the lists.',
  delete: 'It disappears from all lists. Its runs stay readable until retention removes them.',
};

export function State({ workflow }: { workflow: Workflow }) {
  const go = useGo();
  const actions = useWorkflowActions(
    { ...workflow, isPublished: workflow.published_version_id !== null },
    () => go('/workflows'),
  );
  return (
    <Stack gap="xs">
      {actions.map(({ id, label, isDangerous, run }) => (
        <Paper key={id} bg="var(--sb-surface)" withBorder p="sm" radius="md">
          <Group justify="space-between" wrap="nowrap">
            <Text size="sm">{TEXTS[id]}</Text>
            <Button
              size="xs"
              onClick={run}
              style={{ flexShrink: 0 }}
              {...(isDangerous ? { color: 'red.8' } : { variant: 'default' })}
            >
              {label}
            </Button>
          </Group>
        </Paper>
      ))}
      <Text size="sm" c="dimmed">
        How long ended runs stay is a setting of the application:{' '}
        <AppLink to="/settings/retention">Retention</AppLink>.
      </Text>
    </Stack>
  );
}
