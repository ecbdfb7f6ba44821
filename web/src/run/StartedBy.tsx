// Who or what started the run, in a few words with a link: a person, an API key, a schedule, an event, a webhook.
import { Text } from '@mantine/core';
import { AppLink } from '../shared/address.tsx';
import { words } from '../shared/format.ts';
import { ask, useAppQuery } from '../shared/query.ts';
import { type Run, supabase } from '../shared/supabase.ts';
import { useKeyName, usePerson } from './people.ts';

interface Metadata {
  schedule_id?: string;
  trigger_id?: string;
}

interface Actor {
  api_key_id?: string;
  role?: string;
}

/** The actor of the first event names machines, which `created_by` cannot. */
function useMachine(run: Run): Actor | undefined {
  const { data } = useAppQuery(
    ['run-created', run.id],
    async (signal) => {
      const [event] = await ask(
        supabase
          .from('run_events')
          .select('payload')
          .eq('run_id', run.id)
          .eq('seq', 1)
          .abortSignal(signal),
      );
      return ((event?.payload ?? {}) as { actor?: Actor }).actor ?? null;
    },
    { enabled: run.created_by === null, staleTime: Number.POSITIVE_INFINITY },
  );
  return data ?? undefined;
}

function useSourceName(table: 'workflow_schedules' | 'workflow_triggers', id: string | undefined) {
  const { data } = useAppQuery(
    ['run-source', table, id],
    async (signal) => {
      const rows = await ask(
        supabase
          .from(table)
          .select('name')
          .eq('id', id ?? '')
          .abortSignal(signal),
      );
      return rows[0]?.name ?? '';
    },
    { enabled: id !== undefined },
  );
  return data;
}

const PAGES: Readonly<Record<string, string>> = {
  webhook: '/webhooks',
  event: '/events',
  database: '/database-triggers',
  schedule: '/schedules',
};

export function StartedBy({ run }: { run: Run }) {
  const { schedule_id, trigger_id } = run.metadata as Metadata;
  const person = usePerson(run.created_by);
  const machine = useMachine(run);
  const key = useKeyName(machine?.api_key_id);
  const schedule = useSourceName('workflow_schedules', schedule_id);
  const trigger = useSourceName('workflow_triggers', trigger_id);
  const { trigger_type: type } = run;

  if (run.parent_run_id !== null && type === 'child') {
    return <AppLink to={`/runs/${run.parent_run_id}`}>parent run</AppLink>;
  }
  const page = PAGES[type];
  if (page !== undefined) {
    const name = schedule || trigger;
    return (
      <AppLink to={page}>
        {words(type)}
        {name ? ` “${name}”` : ''}
      </AppLink>
    );
  }
  if (person !== undefined) return <span>{person}</span>;
  if (machine?.api_key_id !== undefined)
    return <span>API key {key ?? machine.api_key_id.slice(-6)}</span>;
  if (machine?.role !== undefined) return <span>the secret key</span>;
  return <Text span>{words(type)}</Text>;
}
