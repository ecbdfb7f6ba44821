// Search, filters and order of the list of workflows. All of them are in the address.
import { CloseButton, Group, NativeSelect, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconSearch } from '@tabler/icons-react';
import { useState } from 'react';
import { useAddressParam } from '../shared/address.tsx';
import { useMay } from '../shared/app.tsx';
import { words } from '../shared/format.ts';
import { ask, useAppQuery } from '../shared/query.ts';
import { supabase } from '../shared/supabase.ts';
import { SORTS, STATUSES, type WorkflowFacets } from './listed.ts';

const sentence = (name: string) => `${name.slice(0, 1).toUpperCase()}${words(name.slice(1))}`;

export function WorkflowFilters({ facets }: { facets: WorkflowFacets | undefined }) {
  const [text, setText] = useAddressParam('text');
  const [status, setStatus] = useAddressParam('status');
  const [tag, setTag] = useAddressParam('tag');
  const [project, setProject] = useAddressParam('project');
  const [sort, setSort] = useAddressParam('sort');
  const [typed, setTyped] = useState(text ?? '');
  const search = useDebouncedCallback((value: string) => setText(value.trim() || undefined), 250);
  const projects = useAppQuery(
    ['projects', 'names'],
    (signal) =>
      ask(
        supabase
          .from('projects')
          .select('id,name')
          .is('deleted_at', null)
          .order('name')
          .limit(200)
          .abortSignal(signal),
      ),
    { enabled: useMay('project:read') },
  );
  const tags = facets?.tags ?? [];

  function type(value: string): void {
    setTyped(value);
    search(value);
  }

  return (
    <Group mb="md" gap="sm" align="flex-end" role="search" aria-label="Workflows">
      <TextInput
        label="Search"
        placeholder="Name or description"
        leftSection={<IconSearch size={16} aria-hidden="true" />}
        rightSection={
          typed && <CloseButton size="sm" aria-label="Clear the search" onClick={() => type('')} />
        }
        value={typed}
        onChange={(event) => type(event.currentTarget.value)}
        maxLength={200}
        w={{ base: '100%', sm: 260 }}
      />
      <NativeSelect
        label="Status"
        value={status ?? ''}
        onChange={(event) => setStatus(event.currentTarget.value || undefined)}
        data={[
          { value: '', label: 'All but archived' },
          ...STATUSES.map((name) => ({
            value: name,
            label: `${sentence(name)} (${facets?.statuses[name] ?? 0})`,
          })),
        ]}
      />
      {(tags.length > 0 || tag) && (
        <NativeSelect
          label="Tag"
          value={tag ?? ''}
          onChange={(event) => setTag(event.currentTarget.value || undefined)}
          data={[
            { value: '', label: 'All tags' },
            ...[...new Set([...tags, ...(tag ? [tag] : [])])].map((name) => ({
              value: name,
              label: name,
            })),
          ]}
        />
      )}
      {(projects.data?.length ?? 0) > 0 && (
        <NativeSelect
          label="Project"
          value={project ?? ''}
          onChange={(event) => setProject(event.currentTarget.value || undefined)}
          data={[
            { value: '', label: 'All projects' },
            ...(projects.data ?? []).map(({ id, name }) => ({ value: id, label: name })),
          ]}
        />
      )}
      <NativeSelect
        label="Order"
        value={sort ?? 'name'}
        onChange={(event) =>
          setSort(event.currentTarget.value === 'name' ? undefined : event.currentTarget.value)
        }
        data={SORTS.map(({ value, label }) => ({ value, label }))}
      />
    </Group>
  );
}
