// Prompts: one row for each name with its newest version. A published version of a workflow keeps the text of its prompts,
// so a change of a text is a new version. The address names the prompt that is open.
import { Badge, Button, Group, Text } from '@mantine/core';
import { AppLink, useAddressParam } from '../../shared/address.tsx';
import { useMay } from '../../shared/app.tsx';
import type { Column } from '../../shared/DataTable.tsx';
import { EmptyState, ErrorState, LoadingState } from '../../shared/states.tsx';
import { RelativeTime } from '../../shared/Times.tsx';
import { Block, Rows } from '../parts.tsx';
import { byName, type Group as Named } from '../versions.ts';
import { PromptView } from './PromptView.tsx';
import { type Prompt, usePrompts } from './use-prompts.ts';

const COLUMNS: Column<Named<Prompt>>[] = [
  {
    id: 'name',
    header: 'Prompt',
    cell: ({ name, versions: [newest] }) => (
      <>
        <Group gap="xs">
          <AppLink
            to={`/settings/prompts?prompt=${newest?.id}`}
            size="sm"
            fw={500}
            style={{ overflowWrap: 'anywhere' }}
          >
            {name}
          </AppLink>
          {newest?.deprecated && <Badge variant="default">Deprecated</Badge>}
        </Group>
        <Text size="xs" c="dimmed">
          {newest?.description}
        </Text>
      </>
    ),
  },
  {
    id: 'version',
    header: 'Version',
    cell: ({ versions }) => (
      <>
        <Text size="sm">{versions[0]?.version}</Text>
        {versions.length > 1 && (
          <Text size="xs" c="dimmed">
            of {versions.length}
          </Text>
        )}
      </>
    ),
  },
  {
    id: 'variables',
    header: 'Variables',
    hideBelow: 'md',
    cell: ({ versions: [newest] }) => (
      <Text size="sm" className="mono">
        {Object.keys(newest?.prompt_variables ?? {}).join(', ') || '–'}
      </Text>
    ),
  },
  {
    id: 'changed',
    header: 'Changed',
    hideBelow: 'sm',
    cell: ({ versions: [newest] }) => <RelativeTime at={newest?.updated_at ?? null} />,
  },
];

export default function PromptsSection() {
  const mayWrite = useMay('prompt:write');
  const [open, setOpen] = useAddressParam('prompt');
  const { data, error, refetch, isFetching } = usePrompts();
  if (open !== undefined) {
    if (error) return <ErrorState error={error} retry={() => void refetch()} />;
    if (data === undefined) return <LoadingState rows={6} />;
    const prompt = data.find(({ id }) => id === open);
    if (prompt === undefined && open !== 'new') {
      // One that has just been created is being read.
      if (isFetching) return <LoadingState rows={6} />;
      return (
        <EmptyState
          title="This prompt does not exist"
          action={<AppLink to="/settings/prompts">Show all prompts</AppLink>}
        >
          It was deleted, or it belongs to another application.
        </EmptyState>
      );
    }
    return (
      <PromptView
        key={open}
        prompt={prompt}
        versions={data.filter(({ name }) => name === prompt?.name)}
        onOpen={setOpen}
      />
    );
  }
  return (
    <Block
      title="Prompts"
      actions={mayWrite && <Button onClick={() => setOpen('new')}>New prompt</Button>}
    >
      <Rows
        query={{ data: data && byName(data), error, refetch }}
        label="Prompts"
        columns={COLUMNS}
        rowId={({ key }) => key}
        empty={
          <EmptyState title="No prompts">
            Keep the text for a model outside of a workflow.
          </EmptyState>
        }
      />
    </Block>
  );
}
