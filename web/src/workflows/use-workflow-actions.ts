// Changes of the state of a workflow: pause, resume, archive, restore, delete. Each asks first if it stops something.
import { useMay } from '../shared/app.tsx';
import { confirm } from '../shared/confirm.tsx';
import { ask, useAction } from '../shared/query.ts';
import { supabase } from '../shared/supabase.ts';

export interface ChangedWorkflow {
  id: string;
  kebab_name: string;
  name: string;
  status: string;
  /** Whether a version is published. */
  isPublished: boolean;
}

interface Change {
  id: string;
  set: { status: string } | { deleted_at: string };
}

export interface WorkflowAction {
  id: 'pause' | 'resume' | 'archive' | 'restore' | 'delete';
  label: string;
  isDangerous: boolean;
  run(): void;
}

const DONE: Readonly<Record<string, string>> = {
  paused: 'The workflow is paused.',
  published: 'The workflow starts runs again.',
  archived: 'The workflow is archived.',
  draft: 'The workflow is restored.',
};

/** The changes that the status and the role allow. `onDeleted`: the page of the workflow is left. */
export function useWorkflowActions(
  { id, kebab_name, name, status, isPublished }: ChangedWorkflow,
  onDeleted?: () => void,
): WorkflowAction[] {
  const mayWrite = useMay('workflow:write');
  const change = useAction(
    ({ id: changed, set }: Change) =>
      ask(supabase.from('workflows').update(set).eq('id', changed).select('id').single()),
    {
      changes: [['workflows']],
      success: (_row, { set }) =>
        'status' in set ? (DONE[set.status] ?? 'Saved.') : 'The workflow is deleted.',
      onSuccess: (_row, { set }) => {
        if (!('status' in set)) onDeleted?.();
      },
    },
  );
  if (!mayWrite) return [];

  async function pause(): Promise<void> {
    const answer = await confirm({
      title: `Pause ${name}?`,
      text: 'It starts no runs, also not by schedules, events and webhooks, until you resume it. Open runs continue.',
      action: 'Pause',
    });
    if (answer) change.run({ id, set: { status: 'paused' } });
  }

  async function archive(): Promise<void> {
    const answer = await confirm({
      title: `Archive ${name}?`,
      text: 'It starts no runs and leaves the lists. Its runs and versions stay, and you can restore it.',
      action: 'Archive',
    });
    if (answer) change.run({ id, set: { status: 'archived' } });
  }

  async function remove(): Promise<void> {
    const answer = await confirm({
      title: `Delete ${name}?`,
      text: `It disappears from all lists and starts no runs. Its runs stay readable. Type ${kebab_name} to confirm.`,
      action: 'Delete workflow',
      isDangerous: true,
      typed: kebab_name,
    });
    if (answer) change.run({ id, set: { deleted_at: new Date().toISOString() } });
  }

  const actions: (WorkflowAction & { isShown: boolean })[] = [
    {
      id: 'pause',
      label: 'Pause',
      isDangerous: false,
      isShown: status === 'published',
      run: () => void pause(),
    },
    {
      id: 'resume',
      label: 'Resume',
      isDangerous: false,
      isShown: status === 'paused' || status === 'deprecated',
      run: () => change.run({ id, set: { status: 'published' } }),
    },
    {
      id: 'restore',
      label: 'Restore',
      isDangerous: false,
      isShown: status === 'archived',
      run: () => change.run({ id, set: { status: isPublished ? 'published' : 'draft' } }),
    },
    {
      id: 'archive',
      label: 'Archive',
      isDangerous: false,
      isShown: status !== 'archived',
      run: () => void archive(),
    },
    { id: 'delete', label: 'Delete', isDangerous: true, isShown: true, run: () => void remove() },
  ];
  return actions.filter(({ isShown }) => isShown).map(({ isShown: _shown, ...action }) => action);
}
