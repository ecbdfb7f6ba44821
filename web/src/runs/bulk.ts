// Operations on many runs: their preview, start and stop.
import { ask } from '../shared/query.ts';
import { type Json, type Row, supabase } from '../shared/supabase.ts';

export type Operation = Row<'run_operations'>;
export type BulkAction = 'cancel' | 'pause' | 'resume' | 'redrive' | 'rerun' | 'signal';

export interface Preview {
  count: number;
  is_complete: boolean;
  by_status: Record<string, number>;
  excluded: Record<string, number>;
  sample: string[];
  preview: string;
}

export const ACTIONS: readonly {
  name: BulkAction;
  label: string;
  permission: string;
  isDangerous?: boolean;
  /** What it does to the runs. */
  text: string;
}[] = [
  {
    name: 'cancel',
    label: 'Cancel',
    permission: 'run:cancel',
    isDangerous: true,
    text: 'Open runs stop and compensate. This cannot be undone.',
  },
  {
    name: 'pause',
    label: 'Pause',
    permission: 'run:execute',
    text: 'No further step starts until the runs are resumed.',
  },
  { name: 'resume', label: 'Resume', permission: 'run:execute', text: 'Paused runs continue.' },
  {
    name: 'redrive',
    label: 'Redrive',
    permission: 'run:execute',
    text: 'Failed runs continue in new runs at the step that failed.',
  },
  {
    name: 'rerun',
    label: 'Run again',
    permission: 'run:execute',
    text: 'Ended runs start again from the beginning, with the same input.',
  },
  {
    name: 'signal',
    label: 'Signal',
    permission: 'run:execute',
    text: 'Each open run gets the signal. The first step that waits for it, now or later, takes it.',
  },
];

/** The action that takes an operation back, on the runs that it changed or started. */
export const UNDO: Partial<Readonly<Record<string, BulkAction>>> = {
  pause: 'resume',
  resume: 'pause',
  redrive: 'cancel',
  rerun: 'cancel',
};

/** Why matching runs are left out. */
export const EXCLUDED: Readonly<Record<string, string>> = {
  child_runs: 'are children of other runs',
  continued_on_version: 'continue on another version',
  redriven_before: 'were redriven before',
};

export type FilterDocument = Readonly<Record<string, unknown>>;

export const preview = async (action: BulkAction, filter: FilterDocument, force: boolean) =>
  (await ask(
    supabase.rpc('preview_operation', { action, filter: filter as Json, force }),
  )) as unknown as Preview;

/** What each run gets. */
export interface SentSignal {
  name: string;
  payload: Json;
}

interface Start {
  action: BulkAction;
  filter: FilterDocument;
  force: boolean;
  /** Of the preview. */
  token: string;
  reason: string;
  signal: SentSignal | undefined;
  /** How many runs in a minute; undefined: as fast as it can. */
  rate: number | undefined;
}

export const start = async ({ action, filter, force, token, reason, signal, rate }: Start) =>
  (await ask(
    supabase.rpc('start_operation', {
      action,
      filter: filter as Json,
      force,
      preview: token,
      ...(reason ? { reason } : {}),
      ...(signal ? { signal: signal as unknown as Json } : {}),
      ...(rate === undefined ? {} : { max_per_minute: rate }),
    }),
  )) as unknown as Operation;

export const stop = (id: string) => ask(supabase.rpc('stop_operation', { operation_id: id }));
