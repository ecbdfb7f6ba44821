// Who asked and why: the workflow and run of a task, who started it, and the input of the run in words.
import { Text } from '@mantine/core';
import { AppLink } from '../shared/address.tsx';
import { words } from '../shared/format.ts';
import { JsonView } from '../shared/JsonView.tsx';
import { ask, useAppQuery } from '../shared/query.ts';
import { LoadingState } from '../shared/states.tsx';
import { type Json, supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';
import { inputFacts } from './input-facts.ts';
import { Fact, Panel } from './Panel.tsx';
import { nameOf, type TaskRow } from './task.ts';
import { usePeople } from './use-people.ts';

const STARTS: Readonly<Record<string, string>> = {
  schedule: 'A schedule',
  event: 'An event',
  webhook: 'A webhook',
  api: 'An API key',
  child: 'Another run',
  database: 'A change of a table',
};

interface RunFacts {
  id: string;
  trigger_type: string;
  created_by: string | null;
  created_at: string;
  input: Json;
  workflow: { name: string; kebab_name: string; description: string | null } | null;
  version: { input_schema: Json } | null;
}

export function Background({ task }: { task: TaskRow }) {
  const people = usePeople();
  const { data: run, error } = useAppQuery(['runs', 'background', task.run_id], async (signal) => {
    const found = await ask(
      supabase
        .from('runs')
        .select(
          'id,trigger_type,created_by,created_at,input,' +
            'workflow:workflows!runs_workflow_fkey(name,kebab_name,description),' +
            'version:workflow_versions(input_schema)',
        )
        .eq('id', task.run_id)
        .abortSignal(signal)
        .single(),
    );
    return found as unknown as RunFacts;
  });
  // An assignee without run:read sees their task, but not its run.
  if (error) return null;
  if (run === undefined) return <LoadingState rows={3} height={32} />;
  const { facts, rest } = inputFacts(run.input, run.version?.input_schema ?? null);
  return (
    <Panel title="Who asked and why" aside={<AppLink to={`/runs/${run.id}`}>Open the run</AppLink>}>
      <Fact label="Workflow">
        <AppLink to={`/workflows/${run.workflow?.kebab_name ?? ''}`}>{run.workflow?.name}</AppLink>
        {run.workflow?.description && (
          <Text size="sm" c="dimmed">
            {run.workflow.description}
          </Text>
        )}
      </Fact>
      <Fact label="Started by">
        {run.created_by
          ? nameOf(people.get(run.created_by))
          : (STARTS[run.trigger_type] ?? words(run.trigger_type))}
        {', '}
        <RelativeTime at={run.created_at} />
      </Fact>
      {facts.map(({ label, text }) => (
        <Fact key={label} label={label}>
          {text}
        </Fact>
      ))}
      {rest !== undefined && <JsonView label="Input of the run" value={rest} depth={1} />}
    </Panel>
  );
}
