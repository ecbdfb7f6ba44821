// What the filters of runs offer: workflows with their searchable inputs, members, kinds of triggers; and the words for
// a condition.
import { dateTime, words } from '../shared/format.ts';
import { useAppQuery } from '../shared/query.ts';
import { readAll } from '../shared/read-all.ts';
import { supabase } from '../shared/supabase.ts';
import type { FilterKey } from './filter.ts';

export interface Choices {
  workflows: { value: string; label: string }[];
  /** Paths that can be searched. */
  inputs: string[];
  people: { value: string; label: string }[];
  triggers: { value: string; label: string }[];
}

const NONE: Choices = { workflows: [], inputs: [], people: [], triggers: [] };

export function useChoices(): Choices {
  const { data } = useAppQuery(
    ['workflows', 'choices'],
    async (signal): Promise<Choices> => {
      const [workflows, people, triggers] = await Promise.all([
        readAll(
          (from, to) =>
            supabase
              .from('workflows')
              .select('id, kebab_name, name, searchable_inputs')
              .is('deleted_at', null)
              .order('kebab_name')
              .range(from, to)
              .abortSignal(signal),
          ({ id }) => id,
        ),
        supabase.from('users').select('id, display_name, email').order('email').limit(1_000),
        supabase.from('trigger_types').select('name, label').order('ordinal'),
      ]);
      return {
        workflows: workflows.map(({ kebab_name, name }) => ({ value: kebab_name, label: name })),
        inputs: [...new Set(workflows.flatMap(({ searchable_inputs }) => searchable_inputs ?? []))],
        people: (people.data ?? []).map(({ id, display_name, email }) => ({
          value: id,
          label: display_name || email,
        })),
        triggers: (triggers.data ?? []).map(({ name, label }) => ({ value: name, label })),
      };
    },
    { staleTime: 60_000 },
  );
  return data ?? NONE;
}

export const SPAN_LABELS: Readonly<Record<string, string>> = {
  '15m': 'Last 15 minutes',
  '1h': 'Last hour',
  '24h': 'Last 24 hours',
  '7d': 'Last 7 days',
  '30d': 'Last 30 days',
};

/** A condition in words: `started by Kim`. */
export function titleOf(key: FilterKey, value: string, choices: Choices): string {
  const label = (options: { value: string; label: string }[], one: string) =>
    options.find((option) => option.value === one)?.label ?? one;
  switch (key) {
    case 'workflow':
      return value
        .split(',')
        .map((name) => label(choices.workflows, name))
        .join(' or ');
    case 'trigger':
      return `by ${value
        .split(',')
        .map((name) => label(choices.triggers, name).toLowerCase())
        .join(' or ')}`;
    case 'person':
      return `started by ${label(choices.people, value)}`;
    case 'since':
      return (SPAN_LABELS[value] ?? value).toLowerCase();
    case 'from':
      return `from ${dateTime(value)}`;
    case 'before':
      return `before ${dateTime(value)}`;
    case 'id':
      return value.includes(',') ? `${value.split(',').length} ids` : `id …${value.slice(-12)}`;
    case 'operation':
      return `of operation …${value.slice(-12)}`;
    case 'input':
      return value.replaceAll(',', ', ');
    case 'text':
      return `workflow has “${value}”`;
    default:
      return `${words(key)} ${value}`;
  }
}
