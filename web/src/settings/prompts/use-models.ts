// Names of models to choose from: those that the prompt recommends, and those with a price.
import { ask, useAppQuery } from '../../shared/query.ts';
import { supabase } from '../../shared/supabase.ts';

export function useModels(recommended: readonly string[] = []): string[] {
  const { data } = useAppQuery(['model_prices', 'names'], (signal) =>
    ask(supabase.from('model_prices').select('model').order('model').abortSignal(signal)),
  );
  return [...new Set([...recommended, ...(data ?? []).map(({ model }) => model)])];
}
