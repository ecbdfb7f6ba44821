// The prompts of the application with their versions, the newest version of each first.
import { ask, useAppQuery } from '../../shared/query.ts';
import { type Row, supabase } from '../../shared/supabase.ts';
import { newestFirst } from '../versions.ts';

export type Prompt = Row<'agent_prompts'>;
export const PROMPT_CHANGES = [['agent_prompts'], ['audit_log']] as const;

export function usePrompts() {
  return useAppQuery(['agent_prompts'], async (signal) =>
    newestFirst(
      await ask(
        supabase.from('agent_prompts').select('*').is('deleted_at', null).abortSignal(signal),
      ),
    ),
  );
}
