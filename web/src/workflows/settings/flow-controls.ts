// The kinds of flow control: what they do, and which values each needs. The table refuses others.
import type { Row } from '../../shared/supabase.ts';

export type FlowControl = Row<'workflow_flow_controls'>;

type Field = 'max_count' | 'period_seconds' | 'burst' | 'timeout_seconds' | 'default_priority';

export interface Kind {
  value: string;
  label: string;
  text: string;
  /** The names of the values, required ones first. */
  fields: { name: Field; label: string; isRequired: boolean }[];
}

const required = (name: Field, label: string) => ({ name, label, isRequired: true });
const optional = (name: Field, label: string) => ({ name, label, isRequired: false });

export const KINDS: readonly Kind[] = [
  {
    value: 'concurrency',
    label: 'Concurrency',
    text: 'Runs with the same key at the same time. Further runs wait.',
    fields: [required('max_count', 'Runs')],
  },
  {
    value: 'throttle',
    label: 'Throttle',
    text: 'Starts with the same key in a period. Further runs wait.',
    fields: [
      required('max_count', 'Starts'),
      required('period_seconds', 'Period in seconds'),
      optional('burst', 'At once'),
    ],
  },
  {
    value: 'rate_limit',
    label: 'Rate limit',
    text: 'Starts with the same key in a period. Further starts are refused.',
    fields: [
      required('max_count', 'Starts'),
      required('period_seconds', 'Period in seconds'),
      optional('burst', 'At once'),
    ],
  },
  {
    value: 'debounce',
    label: 'Debounce',
    text: 'Starts shortly after each other become one run with the last input.',
    fields: [
      required('period_seconds', 'Wait in seconds'),
      optional('timeout_seconds', 'At most, in seconds'),
    ],
  },
  {
    value: 'batch',
    label: 'Batch',
    text: 'Starts become one run with the list input.items.',
    fields: [required('max_count', 'Items'), required('timeout_seconds', 'Wait in seconds')],
  },
  {
    value: 'priority',
    label: 'Priority',
    text: 'The input decides which waiting run starts first.',
    fields: [optional('default_priority', 'Without a value in the input')],
  },
];

/** "at most 5 runs of each $.customer_id", as the list shows it. */
export function inWords(control: FlowControl): string {
  const kind = KINDS.find(({ value }) => value === control.kind);
  const values = (kind?.fields ?? []).flatMap(({ name, label }) =>
    control[name] === null ? [] : [`${label.toLowerCase()} ${control[name]}`],
  );
  return [
    ...values,
    control.key_path === null ? 'one key for all runs' : `key ${control.key_path}`,
  ].join(', ');
}
