// The page's choice of a workflow to start: each with its description, narrowed by a search. A dialog has less space and
// uses WorkflowSelect.
import { NavLink, Stack, Text, TextInput } from '@mantine/core';
import { IconChevronRight, IconSearch } from '@tabler/icons-react';
import { useState } from 'react';
import { useHref } from '../shared/address.tsx';
import { ErrorState, LoadingState } from '../shared/states.tsx';
import { NoWorkflows } from './NoWorkflows.tsx';
import { useChoices } from './use-startable.ts';

/** More are found by the search. */
const SHOWN = 20;

export function WorkflowChoices() {
  const { data, error, refetch } = useChoices();
  const [search, setSearch] = useState('');
  const href = useHref();
  if (error) return <ErrorState error={error} retry={() => void refetch()} />;
  if (data === undefined) return <LoadingState rows={4} height={56} />;
  if (data.length === 0) return <NoWorkflows />;
  const words = search.toLowerCase().split(/\s+/);
  const found = data.filter(({ name, kebab_name, description }) =>
    words.every((word) => `${name} ${kebab_name} ${description}`.toLowerCase().includes(word)),
  );
  return (
    <Stack gap="xs">
      <TextInput
        label="Workflow"
        placeholder="Search by name or description"
        leftSection={<IconSearch size={16} aria-hidden="true" />}
        value={search}
        onChange={(event) => setSearch(event.currentTarget.value)}
      />
      <ul aria-label="Workflows to start" style={{ listStyle: 'none', margin: 0, padding: 0 }}>
        {found.slice(0, SHOWN).map(({ kebab_name, name, description }) => (
          <li key={kebab_name}>
            <NavLink
              component="a"
              href={href(`/workflows/${kebab_name}/start`)}
              label={name}
              description={description}
              rightSection={<IconChevronRight size={16} aria-hidden="true" />}
            />
          </li>
        ))}
      </ul>
      <Text size="sm" c="dimmed" role="status">
        {found.length === 0 && 'No published workflow has these words.'}
        {found.length > SHOWN && `${found.length - SHOWN} more. Search to find them.`}
      </Text>
    </Stack>
  );
}
