// How a member or the application ends: leave, deactivate, delete. Deletion waits for the grace period; if runs are open,
// the server refuses first, and the person decides whether to cancel them.
import { Button, Group, Stack, Text } from '@mantine/core';
import { useApp } from '../shared/app.tsx';
import { confirm } from '../shared/confirm.tsx';
import { dateTime } from '../shared/format.ts';
import { notify } from '../shared/notify.ts';
import { ask, useAction } from '../shared/query.ts';
import { supabase } from '../shared/supabase.ts';
import { useMembershipsChanged } from '../shell/memberships.ts';
import { numberIn } from './error-details.ts';
import { Block, Panel } from './parts.tsx';

const LAST_ADMIN = {
  conflict: 'You are the last admin. Make another member admin first, or delete the application.',
};

interface Ended {
  purge_at: string | null;
  open_runs: number;
}

export function ApplicationEnd() {
  const { code, name, role } = useApp();
  const changed = useMembershipsChanged();
  async function goAway(): Promise<void> {
    await supabase.auth.refreshSession();
    await changed();
    location.hash = '#/';
  }
  const leave = useAction(() => ask(supabase.rpc('leave_application')), {
    success: `You left ${name}.`,
    texts: LAST_ADMIN,
    onSuccess: () => void goAway(),
  });
  const deactivate = useAction(
    () => ask(supabase.rpc('deactivate_application', { app_code: code })),
    {
      success: `${name} is deactivated. Reactivate it in the settings of the organization.`,
      onSuccess: () => void goAway(),
    },
  );

  async function askToLeave(): Promise<void> {
    const answer = await confirm({
      title: `Leave ${name}?`,
      text: 'You lose access at once, and the API keys that you own stop working. An admin can invite you again.',
      action: 'Leave',
      isDangerous: true,
    });
    if (answer) leave.run();
  }

  async function askToDeactivate(): Promise<void> {
    const answer = await confirm({
      title: `Deactivate ${name}?`,
      text: 'Members and API keys have no access, and schedules, events and webhooks start nothing. Open runs continue.',
      action: 'Deactivate',
      isDangerous: true,
    });
    if (answer) deactivate.run();
  }

  async function remove(force: boolean): Promise<void> {
    const call = supabase.rpc('delete_application', { app_code: code, force });
    const ended = (await ask(call)) as unknown as Ended;
    notify.info(
      ended.purge_at === null
        ? `${name} is deleted.`
        : `${name} will be deleted on ${dateTime(ended.purge_at)}. Until then, reactivate it in the settings of the organization.`,
    );
    await goAway();
  }

  async function askToDelete(): Promise<void> {
    const answer = await confirm({
      title: `Delete ${name}?`,
      text: 'Access ends at once. After the grace period, all workflows, runs and keys of the application are deleted.',
      action: 'Delete the application',
      isDangerous: true,
      typed: code,
    });
    if (!answer) return;
    try {
      await remove(false);
    } catch (error) {
      const open = numberIn(error, 'open_runs');
      if (open === undefined) {
        notify.error(error);
        return;
      }
      const forced = await confirm({
        title: open === 1 ? 'One run is open' : `${open} runs are open`,
        text: 'Cancel the open runs, with their compensations, and delete the application?',
        action: 'Cancel the runs and delete',
        isDangerous: true,
      });
      if (forced) await remove(true).catch((failure) => notify.error(failure));
    }
  }

  const isAdmin = role === 'admin';
  return (
    <Block title="Leave or end">
      <Panel>
        <Stack>
          <Group justify="space-between">
            <Text size="sm">Leave the application. Your work stays.</Text>
            <Button variant="default" loading={leave.isRunning} onClick={() => void askToLeave()}>
              Leave
            </Button>
          </Group>
          {isAdmin && (
            <Group justify="space-between">
              <Text size="sm">Deactivate the application. You can reactivate it at any time.</Text>
              <Button
                variant="default"
                loading={deactivate.isRunning}
                onClick={() => void askToDeactivate()}
              >
                Deactivate
              </Button>
            </Group>
          )}
          {isAdmin && (
            <Group justify="space-between">
              <Text size="sm">Delete the application and its data after the grace period.</Text>
              <Button color="red.8" onClick={() => void askToDelete()}>
                Delete the application
              </Button>
            </Group>
          )}
        </Stack>
      </Panel>
    </Block>
  );
}
