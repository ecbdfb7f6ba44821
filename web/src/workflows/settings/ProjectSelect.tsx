// The project of a workflow; those who may create projects name a new one here.
import { Button, Group, Select, Stack, TextInput } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useMay } from '../../shared/app.tsx';
import { Modal } from '../../shared/dialogs.tsx';
import { ask, useAction, useAppQuery } from '../../shared/query.ts';
import { supabase } from '../../shared/supabase.ts';

interface Props {
  value: string | null;
  onChange(projectId: string | null): void;
  isReadOnly: boolean;
}

export function ProjectSelect({ value, onChange, isReadOnly }: Props) {
  const [isNaming, setNaming] = useState(false);
  const [name, setName] = useState('');
  const mayCreate = useMay('project:write');
  const { data = [] } = useAppQuery(
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
  const create = useAction(
    () => ask(supabase.from('projects').insert({ name: name.trim() }).select('id').single()),
    {
      changes: [['projects']],
      onSuccess: ({ id }) => {
        setNaming(false);
        setName('');
        onChange(id);
      },
    },
  );
  function submit(event: FormEvent): void {
    event.preventDefault();
    // A form inside a dialog of a page that is a form itself.
    event.stopPropagation();
    if (name.trim()) create.run();
  }
  return (
    <>
      <Group align="flex-end" gap={8} wrap="nowrap">
        <Select
          label="Project"
          description="A folder for workflows."
          placeholder="None"
          data={data.map(({ id, name: label }) => ({ value: id, label }))}
          value={value}
          onChange={onChange}
          readOnly={isReadOnly}
          clearable={!isReadOnly}
          style={{ flex: 1 }}
        />
        {mayCreate && !isReadOnly && (
          <Button variant="default" onClick={() => setNaming(true)}>
            New
          </Button>
        )}
      </Group>
      <Modal opened={isNaming} onClose={() => setNaming(false)} title="New project">
        <form onSubmit={submit}>
          <Stack>
            <TextInput
              label="Name"
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
              required
              data-autofocus
            />
            <Group justify="flex-end">
              <Button type="submit" loading={create.isRunning}>
                Create project
              </Button>
            </Group>
          </Stack>
        </form>
      </Modal>
    </>
  );
}
