// The newest run that repeats a failed one: a person who finds the failure later sees that it was dealt with.
import { Group, Text } from '@mantine/core';
import { AppLink } from '../shared/address.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { type Run, supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';

type Later = Pick<Run, 'id' | 'status' | 'created_at'>;

/** undefined: there is none, or it is not known yet. */
export function useLaterRun(run: Run): Later | undefined {
  const { data } = useAppQuery(['runs', run.id, 'later'], (signal) =>
    ask(
      supabase
        .from('runs')
        .select('id,status,created_at')
        .eq('origin_run_id', run.id)
        .order('created_at', { ascending: false })
        .limit(1)
        .abortSignal(signal),
    ),
  );
  return data?.[0];
}

export function LaterRun({ run }: { run: Later }) {
  return (
    <Group gap="xs">
      <Text size="sm">
        <AppLink to={`/runs/${run.id}`} size="sm" underline="always">
          A later run
        </AppLink>{' '}
        repeats it, started <RelativeTime at={run.created_at} />:
      </Text>
      <StatusBadge name={run.status} />
    </Group>
  );
}
