// The choice of a workflow that can be started, with its state without one.
import { Select } from '@mantine/core';
import { ErrorState, LoadingState } from '../shared/states.tsx';
import { NoWorkflows } from './NoWorkflows.tsx';
import { useChoices } from './use-startable.ts';

interface Props {
  value: string | undefined;
  onChange(workflow: string): void;
}

export function WorkflowSelect({ value, onChange }: Props) {
  const { data, error, refetch } = useChoices();
  if (error) return <ErrorState error={error} retry={() => void refetch()} />;
  if (data === undefined) return <LoadingState rows={1} height={58} />;
  if (data.length === 0) return <NoWorkflows />;
  return (
    <Select
      label="Workflow"
      placeholder="Choose a workflow"
      data={data.map(({ kebab_name, name }) => ({ value: kebab_name, label: name }))}
      value={value ?? null}
      onChange={(next) => {
        if (next !== null) onChange(next);
      }}
      searchable
      limit={100}
      nothingFoundMessage="No published workflow has this name"
      allowDeselect={false}
    />
  );
}
