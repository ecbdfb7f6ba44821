// The versions of a prompt, and the text of one beside that of another.
import { Badge, Group, NativeSelect, Stack, Text } from '@mantine/core';
import { lazy, Suspense, useState } from 'react';
import { AppLink } from '../../shared/address.tsx';
import { type Column, DataTable } from '../../shared/DataTable.tsx';
import { LoadingState } from '../../shared/states.tsx';
import { RelativeTime } from '../../shared/Times.tsx';
import { Block, nameOf, usePeople } from '../parts.tsx';
import type { Prompt } from './use-prompts.ts';

const Differences = lazy(() => import('../../run/data/Differences.tsx'));

/** Lines, so that the comparison shows the changed ones. */
const comparable = ({ prompt_content, prompt_variables, description }: Prompt) => ({
  text: prompt_content.split('\n'),
  variables: prompt_variables,
  description,
});

export function PromptVersions(props: { versions: readonly Prompt[]; current: Prompt }) {
  const { versions, current } = props;
  const people = usePeople();
  const others = versions.filter(({ id }) => id !== current.id);
  const [otherId, setOther] = useState(others[0]?.id ?? '');
  const other = others.find(({ id }) => id === otherId);
  const meant = versions.find(({ deprecated }) => !deprecated) ?? versions[0];
  const columns: Column<Prompt>[] = [
    {
      id: 'version',
      header: 'Version',
      cell: ({ id, version, deprecated }) => (
        <Group gap="xs">
          {id === current.id ? (
            <Text size="sm" fw={600}>
              {version}
            </Text>
          ) : (
            <AppLink to={`/settings/prompts?prompt=${id}`} size="sm">
              {version}
            </AppLink>
          )}
          {id === meant?.id && <Badge variant="default">New publications get it</Badge>}
          {deprecated && <Badge variant="default">Deprecated</Badge>}
        </Group>
      ),
    },
    {
      id: 'by',
      header: 'By',
      hideBelow: 'md',
      cell: ({ created_by }) => nameOf(people, created_by) || '–',
    },
    {
      id: 'created',
      header: 'Created',
      hideBelow: 'sm',
      cell: ({ created_at }) => <RelativeTime at={created_at} />,
    },
  ];
  return (
    <Block title="Versions">
      <DataTable label="Versions" columns={columns} rows={versions} rowId={({ id }) => id} />
      {other && (
        <Stack gap="xs">
          <NativeSelect
            label={`Compare ${current.version} with`}
            maw={240}
            value={otherId}
            data={others.map(({ id, version }) => ({ value: id, label: version }))}
            onChange={(event) => setOther(event.currentTarget.value)}
          />
          <Suspense fallback={<LoadingState rows={3} height={28} />}>
            <Differences
              label={`Differences of ${other.version} and ${current.version}`}
              before={comparable(other)}
              after={comparable(current)}
              beforeLabel={other.version}
              afterLabel={current.version}
            />
          </Suspense>
        </Stack>
      )}
    </Block>
  );
}
