// Pausing, resuming and deleting a trigger, for the pages of webhooks and events.
import { confirm } from '../shared/confirm.tsx';
import { ask, useAction } from '../shared/query.ts';
import { type Row, supabase } from '../shared/supabase.ts';

type Trigger = Row<'workflow_triggers'>;
const CHANGES = [['triggers']] as const;

/** The state of a trigger in one word. */
export function statusOf({ is_enabled, last_error }: Trigger): string {
  if (!is_enabled) return 'paused';
  return last_error ? 'failed' : 'active';
}

interface TriggerActions {
  toggle(trigger: Trigger): void;
  /** Asks first. */
  remove(trigger: Trigger): void;
}

export function useTriggerActions(noun: 'webhook' | 'trigger'): TriggerActions {
  const toggle = useAction(
    ({ id, is_enabled }: Trigger) =>
      ask(
        supabase
          .from('workflow_triggers')
          .update({ is_enabled: !is_enabled })
          .eq('id', id)
          .select('is_enabled')
          .single(),
      ),
    {
      success: ({ is_enabled }) => `The ${noun} is ${is_enabled ? 'resumed' : 'paused'}.`,
      changes: CHANGES,
    },
  );
  const remove = useAction(
    (id: string) =>
      ask(supabase.from('workflow_triggers').delete().eq('id', id).select('id').single()),
    { success: `The ${noun} is deleted.`, changes: CHANGES },
  );
  async function askToDelete({ id, name }: Trigger): Promise<void> {
    const answer = await confirm({
      title: `Delete the ${noun}?`,
      text: `${name || `The ${noun}`} starts no more runs. Its runs stay.`,
      action: `Delete ${noun}`,
      isDangerous: true,
    });
    if (answer) remove.run(id);
  }
  return { toggle: toggle.run, remove: (trigger) => void askToDelete(trigger) };
}
