// Prompts: their versions, texts and variables. A published version of a workflow pins the prompt, so a change of the text
// is a new version.
import { Badge, Button, Group, Text } from '@mantine/core';
import { useState } from 'react';
import { useMay } from '../shared/app.tsx';
import type { Column } from '../shared/DataTable.tsx';
import { ask, useAction, useAppQuery } from '../shared/query.ts';
import { EmptyState } from '../shared/states.tsx';
import { type Row, supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';
import { PromptForm } from './PromptForm.tsx';
import { Block, RowMenu, Rows } from './parts.tsx';
import { newestFirst } from './versions.ts';

type Prompt = Row<'agent_prompts'>;

export default function PromptsSection() {
  const mayWrite = useMay('prompt:write');
  const [editing, setEditing] = useState<Prompt | 'new'>();
  const prompts = useAppQuery(['agent_prompts'], async (signal) =>
    newestFirst(
      await ask(
        supabase.from('agent_prompts').select('*').is('deleted_at', null).abortSignal(signal),
      ),
    ),
  );
  const deprecate = useAction(
    ({ id, deprecated }: Prompt) =>
      ask(
        supabase
          .from('agent_prompts')
          .update({ deprecated: !deprecated })
          .eq('id', id)
          .select('id')
          .single(),
      ),
    { success: 'The prompt is saved.', changes: [['agent_prompts'], ['audit_log']] },
  );
  const columns: Column<Prompt>[] = [
    {
      id: 'name',
      header: 'Prompt',
      cell: ({ name, description, deprecated }) => (
        <>
          <Group gap="xs">
            <Text size="sm" fw={500}>
              {name}
            </Text>
            {deprecated && <Badge variant="default">Deprecated</Badge>}
          </Group>
          <Text size="xs" c="dimmed">
            {description}
          </Text>
        </>
      ),
    },
    { id: 'version', header: 'Version', cell: ({ version }) => version },
    {
      id: 'variables',
      header: 'Variables',
      hideBelow: 'md',
      cell: ({ prompt_variables }) => Object.keys(prompt_variables).join(', '),
    },
    {
      id: 'changed',
      header: 'Changed',
      hideBelow: 'md',
      cell: ({ updated_at }) => <RelativeTime at={updated_at} />,
    },
    {
      id: 'actions',
      header: '',
      align: 'end',
      cell: (prompt) => (
        <RowMenu
          name={`${prompt.name} ${prompt.version}`}
          actions={[
            {
              label: mayWrite ? 'Open or write a new version' : 'Open',
              run: () => setEditing(prompt),
            },
            {
              label: prompt.deprecated ? 'Stop deprecating' : 'Deprecate',
              isOffered: mayWrite,
              run: () => deprecate.run(prompt),
            },
          ]}
        />
      ),
    },
  ];
  return (
    <Block
      title="Prompts"
      actions={mayWrite && <Button onClick={() => setEditing('new')}>New prompt</Button>}
    >
      <Rows
        query={prompts}
        label="Prompts"
        columns={columns}
        rowId={({ id }) => id}
        empty={
          <EmptyState title="No prompts">
            Keep the text for a model outside of a workflow.
          </EmptyState>
        }
      />
      {editing && (
        <PromptForm
          prompt={editing === 'new' ? undefined : editing}
          onClose={() => setEditing(undefined)}
        />
      )}
    </Block>
  );
}
