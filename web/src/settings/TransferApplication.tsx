// Moves the application to another organization: one of which the user is an admin, or a new one. If workflows use components that only the organization shares, the server refuses first, and the person decides.
import { NativeSelect, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { codeFrom } from '../auth/NewApplication.tsx';
import { useApp } from '../shared/app.tsx';
import { confirm } from '../shared/confirm.tsx';
import { notify } from '../shared/notify.ts';
import { ask, useAppQuery } from '../shared/query.ts';
import { ErrorState, LoadingState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';
import { useMembershipsChanged } from '../shell/memberships.ts';
import { numberIn } from './error-details.ts';
import { FormModal } from './parts.tsx';

interface Target {
  id: string;
  name: string;
}

/** The other organizations in which the user may put an application. */
function useTargets() {
  const { organizationId, userId } = useApp();
  return useAppQuery(['organizations', 'targets'], async (signal): Promise<Target[]> => {
    const [organizations, applications] = await Promise.all([
      ask(
        supabase
          .from('organizations')
          .select('id, name, created_by')
          .is('deleted_at', null)
          .order('name')
          .abortSignal(signal),
      ),
      ask(supabase.rpc('my_applications').abortSignal(signal)),
    ]);
    return organizations.filter(({ id, created_by }) => {
      const own = applications.filter(({ organization_id }) => organization_id === id);
      const isAdmin = own.some((each) => each.role === 'admin' && each.deactivated_at === null);
      return id !== organizationId && (isAdmin || (own.length === 0 && created_by === userId));
    });
  });
}

const NEW = 'new';

export function TransferApplication({ onClose }: { onClose(): void }) {
  const { code, name } = useApp();
  const changed = useMembershipsChanged();
  const targets = useTargets();
  const [chosen, setChosen] = useState('');
  const [isRunning, setRunning] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const [newName, setNewName] = useState('');
  /** Kept when the move is refused, so that the next attempt does not create a second organization. */
  const [created, setCreated] = useState<Target>();
  const known = [...(targets.data ?? []), ...(created ? [created] : [])];
  const value = chosen || known[0]?.id || NEW;

  async function destination(): Promise<Target> {
    const found = known.find(({ id }) => id === value);
    if (found) return found;
    const made = await ask(
      supabase.rpc('create_organization', { slug: codeFrom(newName), name: newName.trim() }),
    );
    setCreated(made);
    setChosen(made.id);
    return made;
  }

  async function move(organization: Target, force: boolean): Promise<void> {
    await ask(
      supabase.rpc('transfer_application', {
        app_code: code,
        organization_id: organization.id,
        force,
      }),
    );
    // The token names the organization.
    await supabase.auth.refreshSession();
    await changed();
    notify.success(`${name} belongs to ${organization.name}.`);
    onClose();
  }
  async function submit(): Promise<void> {
    setRunning(true);
    setError(null);
    try {
      const target = await destination();
      await move(target, false).catch(async (failure) => {
        const uses = numberIn(failure, 'shared_components');
        if (uses === undefined) throw failure;
        const forced = await confirm({
          title: 'Move it without the shared components?',
          text: `Published workflows use components of the organization in ${uses === 1 ? 'one place' : `${uses} places`}. These steps fail after the move.`,
          action: 'Move the application',
          isDangerous: true,
        });
        if (forced) await move(target, true);
      });
    } catch (failure) {
      setError(failure as Error);
    } finally {
      setRunning(false);
    }
  }
  return (
    <FormModal
      title={`Move ${name} to another organization`}
      action="Move the application"
      onClose={onClose}
      onSubmit={() => void submit()}
      isRunning={isRunning}
      error={error}
      isReady={targets.data !== undefined && (value !== NEW || codeFrom(newName) !== '')}
    >
      {targets.error && <ErrorState error={targets.error} retry={() => void targets.refetch()} />}
      {targets.data === undefined && !targets.error && <LoadingState rows={1} height={56} />}
      {targets.data && (
        <NativeSelect
          label="Organization"
          value={value}
          data={[
            ...known.map(({ id, name: label }) => ({ value: id, label })),
            { value: NEW, label: 'A new organization' },
          ]}
          onChange={(event) => setChosen(event.currentTarget.value)}
        />
      )}
      {targets.data && value === NEW && (
        <TextInput
          label="Name of the organization"
          required
          value={newName}
          onChange={(event) => setNewName(event.currentTarget.value)}
        />
      )}
      <Text size="sm" c="dimmed">
        Workflows, runs, members and keys move with it, and its address stays. Components and
        prompts that are shared with the organization are then shared with the other one.
      </Text>
    </FormModal>
  );
}
