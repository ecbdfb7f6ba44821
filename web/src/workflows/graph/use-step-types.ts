// Labels, icons and colors of the step types, by name.
import { ask, useAppQuery } from '../../shared/query.ts';
import { supabase } from '../../shared/supabase.ts';

interface StepTypeLook {
  name: string;
  label: string;
  icon: string;
  color: string;
}

const EMPTY: ReadonlyMap<string, StepTypeLook> = new Map();

export function useStepTypes(): ReadonlyMap<string, StepTypeLook> {
  const { data } = useAppQuery(
    ['step_types', 'looks'],
    async (signal) => {
      const found = await ask(
        supabase.from('step_types').select('name,label,icon,color').abortSignal(signal),
      );
      return new Map(found.map((type) => [type.name, type as StepTypeLook]));
    },
    { staleTime: Number.POSITIVE_INFINITY },
  );
  return data ?? EMPTY;
}
